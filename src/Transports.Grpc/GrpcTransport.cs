using System.Net;
using System.Net.Http.Headers;
using System.Net.Quic;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Transports;

/// <summary>
/// Opens gRPC calls as channels: <c>grpc+http://host:port/package.Service/Method</c> (HTTP/2 with prior knowledge, RFC 9113, section 3.3) and
/// <c>grpc+https://…</c>. What stands before the method in the path is a gateway's prefix. Without a path, the method is <c>transports.v1.MessageChannel/Connect</c>, whose <c>.proto</c> is in this package, under
/// <c>protos</c>.
/// </summary>
/// <remarks>
/// <para>A message of the channel is a gRPC message, as it is: give it what the method's protobuf type says, for instance with a typed
/// channel. All four shapes of method are channels: a unary one sends one message, half-closes with
/// <see cref="IMessageChannel.CompleteSendingAsync"/>, and receives one. The default method wraps each message in an envelope that keeps its kind.</para>
/// <para><see cref="ConnectAsync(Uri, CancellationToken)"/> completes when the request is on its way; what the server thinks of it, such as an unknown method,
/// comes with the first receive. The call's status becomes the <see cref="ChannelCloseInfo"/>, its number the <see cref="ChannelCloseInfo.ProtocolErrorCode"/>:</para>
/// <list type="table">
/// <listheader><term>gRPC status received</term><description>close status</description></listheader>
/// <item><term>OK</term><description>Normal</description></item>
/// <item><term>CANCELLED</term><description>Aborted</description></item>
/// <item><term>DEADLINE_EXCEEDED</term><description>TimedOut</description></item>
/// <item><term>RESOURCE_EXHAUSTED</term><description>MessageTooLarge</description></item>
/// <item><term>UNAVAILABLE</term><description>ConnectionLost</description></item>
/// <item><term>UNIMPLEMENTED, and a response that is not gRPC</term><description>ProtocolError</description></item>
/// <item><term>UNKNOWN, INTERNAL, DATA_LOSS</term><description>InternalError</description></item>
/// <item><term>INVALID_ARGUMENT, NOT_FOUND, ALREADY_EXISTS, PERMISSION_DENIED, FAILED_PRECONDITION, ABORTED, OUT_OF_RANGE, UNAUTHENTICATED</term><description>PolicyViolation</description></item>
/// </list>
/// <list type="table">
/// <listheader><term>close status sent by a server</term><description>gRPC status</description></listheader>
/// <item><term>Normal</term><description>OK, or what <see cref="IGrpcServerCallFeature.SetStatus"/> says</description></item>
/// <item><term>GoingAway, ConnectionLost</term><description>UNAVAILABLE</description></item>
/// <item><term>ProtocolError</term><description>INTERNAL</description></item>
/// <item><term>MessageTooLarge</term><description>RESOURCE_EXHAUSTED</description></item>
/// <item><term>PolicyViolation</term><description>PERMISSION_DENIED</description></item>
/// <item><term>InternalError</term><description>UNKNOWN</description></item>
/// <item><term>TimedOut</term><description>DEADLINE_EXCEEDED</description></item>
/// <item><term>Aborted</term><description>RST_STREAM with CANCEL</description></item>
/// </list>
/// <para>Servers of this library add the close status itself in the trailer <c>transports-close-status</c>, so between two of them it arrives as it was.
/// In gRPC a client cannot send a status, and a server cannot half-close: a client's close is the end of its stream, whatever the reason, and its
/// abort is RST_STREAM with CANCEL. The default method's envelope carries both; <see cref="IMessageChannel.Characteristics"/> of the channel says so. A
/// client that has half-closed there has ended its stream, and closes without a word.</para>
/// <para>Channels to the same host share connections. Thread-safe. Disposing closes the connections, and channels that are open end as lost.</para>
/// </remarks>
public sealed class GrpcTransport : IClientTransport, IDisposable
{
    private const string UserAgentHeader = "user-agent";

    // In the form of PROTOCOL-HTTP2.md, "User Agents".
    private static readonly string s_userAgent = $"grpc-dotnet-transports/{typeof(GrpcTransport).Assembly.GetName().Version?.ToString(3)}";

    private readonly GrpcTransportOptions _options;
    private readonly ILogger _logger;
    private readonly HttpMessageInvoker _invoker;
    private readonly HttpConnector _connector;
    private readonly EndingCalls _ending = new();
    private readonly RequestWrites _writes = new();
    private bool _disposed;

    /// <summary>A transport with its own pool of connections.</summary>
    /// <param name="options">Limits and settings; by default those of <see cref="GrpcTransportOptions"/>. Not to be changed afterwards.</param>
    /// <param name="loggerFactory">Where to log; by default nowhere.</param>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    public GrpcTransport(GrpcTransportOptions? options = null, ILoggerFactory? loggerFactory = null)
    {
        _options = options ?? new GrpcTransportOptions();
        _options.Validate();
        _logger = loggerFactory?.CreateLogger("Transports.Grpc") ?? NullLogger.Instance;
        _connector = new HttpConnector(_options.Tls, _options.TcpKeepAlive, _options.TimeProvider);
        _invoker = new HttpMessageInvoker(CreateHandler(_options, _connector, _ending));
    }

    /// <inheritdoc/>
    public IReadOnlyList<string> Schemes { get; } = [GrpcAddress.Cleartext, GrpcAddress.Encrypted];

    /// <inheritdoc/>
    public ChannelCharacteristics GetCharacteristics(string scheme)
        => GrpcChannels.Describe(ChannelSide.Client, hasEnvelope: false, scheme == GrpcAddress.Encrypted) with { MaxMessageSize = _options.MaxMessageSize };

    /// <inheritdoc/>
    public ValueTask<IMessageChannel> ConnectAsync(Uri address, CancellationToken cancellationToken = default)
        => ConnectAsync(address, new GrpcCallOptions(), cancellationToken);

    /// <summary>Opens a call with metadata or a deadline of its own.</summary>
    /// <param name="address">Where to.</param>
    /// <param name="call">What this call has of its own.</param>
    /// <param name="cancellationToken">Gives up; nothing is left open. Does not matter to the channel once it is there.</param>
    /// <returns>An open channel, the caller's to dispose.</returns>
    /// <exception cref="ArgumentException">The address is not a gRPC address, or not encrypted although <see cref="GrpcTransportOptions.HttpVersion"/> is 3.0.</exception>
    /// <exception cref="TransportUnavailableException">HTTP/3 is asked for, and this machine has none.</exception>
    /// <exception cref="TransportException">The server could not be reached, or its certificate was refused.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public async ValueTask<IMessageChannel> ConnectAsync(Uri address, GrpcCallOptions call, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(call);
        var target = GrpcAddress.Parse(address);
        if (_options.HttpVersion == HttpVersion.Version30)
        {
            CheckHttp3(address, target);
        }

        cancellationToken.ThrowIfCancellationRequested();
        var timeout = TimeoutOf(call);

        var compression = new GrpcCompression { IsEnabled = _options.EnableCompression, CompressesSent = _options.EnableCompression, Threshold = _options.CompressionThreshold };
        var content = new GrpcRequestContent("application/grpc", _ending);
        var request = CreateRequest(target, content, compression, call, timeout);
        var connection = new GrpcClientConnection(_invoker, request, content, target, compression, _options, _writes, _logger);
        var started = _options.TimeProvider.GetTimestamp();
        try
        {
            await connection.OpenAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is HttpRequestException or IOException or TimeoutException
            || (e is ObjectDisposedException && !Volatile.Read(ref _disposed)) // The connection, not this transport.
            || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            throw Http2Failure.CannotConnect(address, e, _connector);
        }

        var context = new MessageChannelContext
        {
            TransportName = "grpc",
            Side = ChannelSide.Client,
            Options = _options,
            Characteristics = GrpcChannels.Describe(ChannelSide.Client, target.HasEnvelope, target.IsEncrypted),
            RemoteAddress = address,
            Logger = _logger,
        };

        // Connecting counts: the deadline is the caller's, not the wire's.
        var channel = GrpcChannels.Create(connection, target.HasEnvelope, compression, context, timeout - _options.TimeProvider.GetElapsedTime(started));
        connection.Closed = channel.Closed;
        return channel;
    }

    /// <summary>Closes all connections; channels that are open end as lost.</summary>
    public void Dispose()
    {
        Volatile.Write(ref _disposed, true);
        _invoker.Dispose();
    }

    /// <summary>How long a call may take; <see langword="null"/> for ever.</summary>
    private TimeSpan? TimeoutOf(GrpcCallOptions call)
    {
        var timeout = call.Timeout ?? _options.Timeout;
        if (timeout == Timeout.InfiniteTimeSpan)
        {
            return null;
        }

        OptionGuard.ThrowIfNotPositive(timeout, nameof(GrpcCallOptions.Timeout));
        return timeout;
    }

    private static SocketsHttpHandler CreateHandler(GrpcTransportOptions options, HttpConnector connector, EndingCalls ending)
    {
        var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            AutomaticDecompression = DecompressionMethods.None,

            // A proxy that is set for the web is seldom one for HTTP/2 between services; ConfigureHandler can turn it on.
            UseProxy = false,
            ConnectTimeout = options.ConnectTimeout,
            EnableMultipleHttp2Connections = options.EnableMultipleHttp2Connections,
            InitialHttp2StreamWindowSize = options.StreamWindowSize,
            KeepAlivePingDelay = options.KeepAliveInterval,
            KeepAlivePingTimeout = options.KeepAliveTimeout,
            KeepAlivePingPolicy = HttpKeepAlivePingPolicy.WithActiveRequests,
        };
        connector.Configure(handler);
        if (handler.ConnectCallback is { } connect)
        {
            handler.ConnectCallback = async (context, cancellationToken) => await connect(context, cancellationToken).ConfigureAwait(false) is NetworkStream stream
                ? new CallsFirstStream(stream.Socket, ending, options.CloseTimeout, options.TimeProvider)
                : throw new InvalidOperationException("A socket's stream was expected.");
        }

        options.ConfigureHandler?.Invoke(handler);
        return handler;
    }

    private HttpRequestMessage CreateRequest(GrpcAddress target, GrpcRequestContent content, GrpcCompression compression, GrpcCallOptions call, TimeSpan? timeout)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, target.Http)
        {
            Version = _options.HttpVersion,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = content,
        };

        // Asks intermediaries to keep trailers, which carry the status.
        request.Headers.TE.Add(new TransferCodingWithQualityHeaderValue("trailers"));
        request.Headers.TryAddWithoutValidation("grpc-accept-encoding", compression.AcceptedEncodings);
        if (compression.CompressesSent)
        {
            request.Headers.TryAddWithoutValidation("grpc-encoding", GrpcCompression.Gzip);
        }

        if (timeout is { } limit)
        {
            request.Headers.TryAddWithoutValidation("grpc-timeout", GrpcTimeout.Format(limit));
        }

        AddMetadata(request, _options.Headers);
        AddMetadata(request, call.Headers);
        if (!request.Headers.NonValidated.Contains(UserAgentHeader))
        {
            request.Headers.TryAddWithoutValidation(UserAgentHeader, s_userAgent);
        }

        return request;
    }

    private static void CheckHttp3(Uri address, GrpcAddress target)
    {
        if (!target.IsEncrypted)
        {
            throw new ArgumentException($"HTTP/3 is always encrypted, and {AddressText.Of(address)} is not: write grpc+https, or set HttpVersion to 2.0.", nameof(address));
        }

        if (!QuicConnection.IsSupported)
        {
            throw new TransportUnavailableException(
                "MsQuic, which HTTP/3 needs",
                "On Linux install libmsquic 2.2 or later; on Windows it is there from Windows 11 and Server 2022 on. Or set GrpcTransportOptions.HttpVersion to 2.0.");
        }
    }

    private static void AddMetadata(HttpRequestMessage request, GrpcMetadata metadata)
    {
        foreach (var entry in metadata)
        {
            request.Headers.TryAddWithoutValidation(entry.Key, GrpcMetadata.Encode(entry));
        }
    }
}
