using System.Net;
using System.Net.Quic;
using System.Text;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Transports;

/// <summary>Connects <c>sse+http://</c> and <c>sse+https://</c> addresses: any server of server-sent events (HTML standard, section 9.2).</summary>
/// <remarks>
/// <para>A channel receives only. With <c>duplex</c> in the address's query, as in <c>sse+https://host/chat?duplex</c>, it sends too, by
/// POST to the same address; that needs a server of this library (the package Transports.AspNetCore).</para>
/// <para>A broken stream is opened again from where it was. With a server of this library nothing is lost by that, or
/// the channel ends and says so; others resend what they keep, so there <see cref="ChannelCharacteristics.IsReliable"/> is false.</para>
/// </remarks>
public sealed class SseTransport : IClientTransport, IDisposable
{
    private readonly SseTransportOptions _options;
    private readonly ILogger _logger;
    private readonly SseRetries _retries;
    private readonly HttpConnector _connector;
    private readonly Lazy<(HttpMessageInvoker Invoker, int MaxRedirects)> _http;

    /// <summary>A transport with options of its own.</summary>
    /// <param name="options">How to connect; by default as <see cref="SseTransportOptions"/> says.</param>
    /// <param name="loggerFactory">Where to log; by default nowhere.</param>
    public SseTransport(SseTransportOptions? options = null, ILoggerFactory? loggerFactory = null)
    {
        _options = options ?? new SseTransportOptions();
        _options.Validate();
        _logger = (loggerFactory ?? NullLoggerFactory.Instance).CreateLogger("Transports.Sse");
        _retries = new SseRetries(_options);
        _connector = new HttpConnector(_options.Tls, _options.TcpKeepAlive, _options.TimeProvider);
        _http = new Lazy<(HttpMessageInvoker, int)>(CreateInvoker);
    }

    /// <inheritdoc/>
    public IReadOnlyList<string> Schemes { get; } = ["sse+http", "sse+https"];

    /// <inheritdoc/>
    public ChannelCharacteristics GetCharacteristics(string scheme)
        => SseChannels.Describe(
            ChannelDirection.UnidirectionalReceive,
            isReliable: false,
            isEncrypted: scheme == "sse+https",
            isMultiplexed: _options.HttpVersion == HttpVersion.Version20) with { MaxMessageSize = _options.MaxMessageSize };

    /// <inheritdoc/>
    public async ValueTask<IMessageChannel> ConnectAsync(Uri address, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(address);
        if (!address.IsAbsoluteUri || !Schemes.Contains(address.Scheme))
        {
            throw new ArgumentException($"'{AddressText.Of(address)}' is not an sse+http:// or sse+https:// address.", nameof(address));
        }

        AddressText.ThrowIfUserInfo(address, "add an Authorization header in SseTransportOptions.ConfigureRequest", nameof(address));
        using var deadline = new ConnectDeadline(_options.ConnectTimeout, _options.TimeProvider, cancellationToken);
        try
        {
            return await OpenAsync(address, deadline.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new TransportException($"{AddressText.Of(address)} did not begin an event stream within {_options.ConnectTimeout.TotalSeconds:0.#} seconds (ConnectTimeout).", e);
        }
        catch (HttpRequestException e)
        {
            throw new TransportException($"Could not open an event stream from {AddressText.Of(address)}. {_connector.Explain(address, e)}", e);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_http.IsValueCreated)
        {
            _http.Value.Invoker.Dispose();
        }
    }

    private static bool IsDuplex(Uri address)
        => address.Query.TrimStart('?').Split('&').Any(static part => part.Split('=')[0].Equals(SseWire.DuplexQuery, StringComparison.OrdinalIgnoreCase));

    private static Uri HttpAddress(Uri address) => HostAddress.ChangeScheme(address, address.Scheme["sse+".Length..]);

    private async Task<IMessageChannel> OpenAsync(Uri address, CancellationToken cancellationToken)
    {
        if (_options.HttpVersion == HttpVersion.Version30 && !IsQuicSupported())
        {
            throw new TransportUnavailableException("libmsquic, which HTTP/3 needs", "Install it, or set HttpVersion to 2.0.");
        }

        var isDuplex = IsDuplex(address);
        var (http, maxRedirects) = _http.Value;
        var requests = new SseRequests(http, maxRedirects, HttpAddress(address), _options);

        // Never null for the first answer.
        var response = await requests.OpenAsync("", cancellationToken).ConfigureAwait(false);
        try
        {
            var isOwn = requests.Session is not null;
            if (isDuplex && !isOwn)
            {
                throw new TransportException($"{AddressText.Of(address)} has no session to send to: only servers of this library take messages over SSE. Leave '{SseWire.DuplexQuery}' out to receive only.");
            }

            var stream = await response!.Content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false);
            var channel = SseChannels.Create(
                new SseClientConnection(requests, response, stream, _options, _retries, _logger, isDuplex),
                isOwn,
                new MessageChannelContext
                {
                    TransportName = "sse",
                    Side = ChannelSide.Client,
                    Options = _options,
                    Characteristics = SseChannels.Describe(
                        isDuplex ? ChannelDirection.Bidirectional : ChannelDirection.UnidirectionalReceive,
                        isReliable: isOwn,
                        isEncrypted: address.Scheme == "sse+https",
                        isMultiplexed: _options.HttpVersion >= HttpVersion.Version20),
                    RemoteAddress = address,
                    Logger = _logger,
                });
            response = null;
            return channel;
        }
        finally
        {
            response?.Dispose();
        }
    }

    private static bool IsQuicSupported() => (OperatingSystem.IsLinux() || OperatingSystem.IsMacOS() || OperatingSystem.IsWindows()) && QuicConnection.IsSupported;

    private (HttpMessageInvoker Invoker, int MaxRedirects) CreateInvoker()
    {
        var handler = new SocketsHttpHandler
        {
            UseCookies = false,
            EnableMultipleHttp2Connections = true,
            ConnectTimeout = _options.ConnectTimeout,

            // An event stream given up has no end to wait for: the server shall see at once that its client has gone.
            MaxResponseDrainSize = 0,

            // An event's id is UTF-8, and so is the header that names it (HTML standard, section 9.2.3).
            RequestHeaderEncodingSelector = static (name, _) => name.Equals(SseWire.LastEventIdHeader, StringComparison.OrdinalIgnoreCase) ? Encoding.UTF8 : null,
        };
        _connector.Configure(handler);
        _options.ConfigureHandler?.Invoke(handler);

        // See SseRequests.
        handler.AllowAutoRedirect = false;
        return (new HttpMessageInvoker(handler), handler.MaxAutomaticRedirections);
    }
}
