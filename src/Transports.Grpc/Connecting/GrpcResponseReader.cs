using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;

namespace Transports.Grpc;

/// <summary>Reads the response of one call: its body, and how the server has ended the call.</summary>
/// <param name="method">The method called, for the log.</param>
/// <param name="timeProvider">The clock.</param>
/// <param name="logger">Where to log.</param>
internal sealed class GrpcResponseReader(string method, TimeProvider timeProvider, ILogger logger)
{
    private Task<HttpResponseMessage>? _response;
    private Stream? _input;
    private ChannelCloseInfo? _end;
    private bool _isGivenUp;

    /// <summary>The status that the server has ended the call with, or <see langword="null"/>.</summary>
    public GrpcStatus? Status { get; private set; }

    /// <summary>The server's trailers, or <see langword="null"/>.</summary>
    public GrpcMetadata? Trailers { get; private set; }

    /// <summary>How the server has ended the call; otherwise <see langword="null"/>.</summary>
    public ChannelCloseInfo? End => Volatile.Read(ref _end);

    /// <summary>Takes the request's answer, before anything is read.</summary>
    public void Begin(Task<HttpResponseMessage> response) => _response = response;

    /// <summary>The call is aborted: an answer that comes now is not kept.</summary>
    public void GiveUp() => Volatile.Write(ref _isGivenUp, true);

    /// <summary>Reads some bytes; 0 is a graceful end. An end with an error is thrown.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<int> ReadAsync(Memory<byte> buffer)
    {
        if (_input is null)
        {
            _input = await OpenAsync().ConfigureAwait(false);
        }

        if (_end is null)
        {
            var count = await _input.ReadAsync(buffer, CancellationToken.None).ConfigureAwait(false);
            if (count > 0 || buffer.IsEmpty)
            {
                return count;
            }

            OnEnd(GrpcResponse.ReadEnd(_response!.Result), _response.Result.TrailingHeaders.NonValidated);
        }

        return _end is { Status: ChannelCloseStatus.Normal or ChannelCloseStatus.GoingAway } ? 0 : throw new GrpcCallFailedException(_end!);
    }

    private async ValueTask<Stream> OpenAsync()
    {
        var response = await _response!.ConfigureAwait(false);
        if (Volatile.Read(ref _isGivenUp))
        {
            // The abort may have come a moment before the response and not have seen it.
            response.Dispose();
        }

        if (await GrpcResponse.ReadEarlyEndAsync(response, timeProvider).ConfigureAwait(false) is { } early)
        {
            if (!response.Headers.NonValidated.Contains("grpc-status"))
            {
                Log.NotGrpc(logger, method, early.Description);
            }

            OnEnd(early, response.Headers.NonValidated);
        }

        return await response.Content.ReadAsStreamAsync(CancellationToken.None).ConfigureAwait(false);
    }

    private void OnEnd(ChannelCloseInfo end, System.Net.Http.Headers.HttpHeadersNonValidated trailers)
    {
        Trailers = GrpcResponse.ReadMetadata(trailers);
        Status = new GrpcStatus((GrpcStatusCode)(end.ProtocolErrorCode ?? (long)GrpcStatusCode.Unknown), end.Description);
        Volatile.Write(ref _end, end);
    }
}
