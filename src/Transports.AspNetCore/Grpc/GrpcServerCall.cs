using System.Globalization;
using Microsoft.AspNetCore.Http;

namespace Transports.AspNetCore;

/// <summary>A call's metadata and status on the server, and how they go into headers, trailers or a trailer frame.</summary>
internal sealed class GrpcServerCall : IGrpcServerCallFeature
{
    private readonly HttpContext _context;
    private readonly GrpcCompression _compression;
    private GrpcStatus _status = new(GrpcStatusCode.OK);
    private int _headersSent;

    public GrpcServerCall(HttpContext context, GrpcWire wire, GrpcCompression compression, DateTimeOffset? deadline)
    {
        _context = context;
        _compression = compression;
        Wire = wire;
        Deadline = deadline;
        Method = GrpcAddress.MethodOf(context.Request.Path.Value ?? "");
        foreach (var (name, values) in context.Request.Headers)
        {
            foreach (var value in values)
            {
                RequestHeaders.AddReceived(name, value);
            }
        }
    }

    public GrpcWire Wire { get; }

    public string Method { get; }

    public GrpcMetadata RequestHeaders { get; } = [];

    public GrpcMetadata ResponseHeaders { get; } = [];

    public GrpcMetadata ResponseTrailers { get; } = [];

    public DateTimeOffset? Deadline { get; }

    public void SetStatus(GrpcStatusCode code, string? message = null)
    {
        if (!Enum.IsDefined(code))
        {
            throw new ArgumentOutOfRangeException(nameof(code), code, "Not a defined GrpcStatusCode.");
        }

        _status = new GrpcStatus(code, message);
    }

    public async ValueTask SendHeadersAsync(CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (WriteHeaders())
        {
            // StartAsync alone sends nothing on HTTP/2; a flush of the body does.
            await _context.Response.BodyWriter.FlushAsync(CancellationToken.None).ConfigureAwait(false);
        }
    }

    /// <summary>Puts the headers into the response, once.</summary>
    public bool WriteHeaders()
    {
        if (Interlocked.Exchange(ref _headersSent, 1) != 0)
        {
            return false;
        }

        var headers = _context.Response.Headers;

        // Not as the client wrote it: in another case, with parameters, or with a format that the handler knows nothing of.
        _context.Response.ContentType = Wire switch
        {
            GrpcWire.Web => GrpcRequest.WebContentType,
            GrpcWire.WebText => GrpcRequest.WebTextContentType,
            _ => GrpcRequest.ContentType,
        };
        headers["grpc-accept-encoding"] = _compression.AcceptedEncodings;
        if (_compression.CompressesSent)
        {
            headers["grpc-encoding"] = GrpcCompression.Gzip;
        }

        foreach (var entry in ResponseHeaders)
        {
            headers.Append(entry.Key, GrpcMetadata.Encode(entry));
        }

        return true;
    }

    /// <summary>The trailers of the call's end.</summary>
    public IEnumerable<(string Name, string Value)> EndWith(ChannelCloseStatus status, string? description)
    {
        var code = status == ChannelCloseStatus.Normal ? _status.Code : CloseStatusMap.ToGrpc(status);
        var message = status == ChannelCloseStatus.Normal && _status.Code != GrpcStatusCode.OK ? _status.Message ?? description : description;
        yield return ("grpc-status", ((int)code).ToString(CultureInfo.InvariantCulture));
        if (!string.IsNullOrEmpty(message))
        {
            yield return ("grpc-message", PercentEncoding.Encode(message));
        }

        if (status != ChannelCloseStatus.Normal)
        {
            yield return (CloseStatusMap.CloseStatusTrailer, status.ToString());
        }

        foreach (var entry in ResponseTrailers)
        {
            yield return (entry.Key, GrpcMetadata.Encode(entry));
        }
    }
}
