using System.Net;
using System.Net.Http.Headers;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Transports;

/// <summary>Connects <c>ws://</c> and <c>wss://</c> addresses (RFC 6455; RFC 8441 on HTTP/2) through the platform's HTTP handler.</summary>
/// <remarks>The server's side is in the package Transports.AspNetCore. Disposing ends connections kept for later, not open channels on HTTP/1.1.</remarks>
public sealed class WebSocketTransport : IClientTransport, IDisposable
{
    private readonly WebSocketTransportOptions _options;
    private readonly ILogger _logger;
    private readonly Lazy<HttpMessageInvoker> _http;
    private readonly HttpConnector _connector;

    /// <summary>A transport with options of its own.</summary>
    /// <param name="options">How to connect; by default as <see cref="WebSocketTransportOptions"/> says.</param>
    /// <param name="loggerFactory">Where to log; by default nowhere.</param>
    public WebSocketTransport(WebSocketTransportOptions? options = null, ILoggerFactory? loggerFactory = null)
    {
        _options = options ?? new WebSocketTransportOptions();
        _options.Validate();
        _logger = (loggerFactory ?? NullLoggerFactory.Instance).CreateLogger("Transports.WebSockets");
        _connector = new HttpConnector(_options.Tls, _options.TcpKeepAlive, _options.TimeProvider);
        _http = new Lazy<HttpMessageInvoker>(CreateInvoker);
    }

    /// <inheritdoc/>
    public IReadOnlyList<string> Schemes { get; } = ["ws", "wss"];

    /// <inheritdoc/>
    public ChannelCharacteristics GetCharacteristics(string scheme)
        => CharacteristicsOf(isEncrypted: scheme == "wss", isMultiplexed: _options.HttpVersion == HttpVersion.Version20) with { MaxMessageSize = _options.MaxMessageSize };

    /// <inheritdoc/>
    public async ValueTask<IMessageChannel> ConnectAsync(Uri address, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(address);
        if (!address.IsAbsoluteUri || !Schemes.Contains(address.Scheme))
        {
            throw new ArgumentException($"'{AddressText.Of(address)}' is not a ws:// or wss:// address.", nameof(address));
        }

        AddressText.ThrowIfUserInfo(address, "set credentials in ConfigureRequest or ConfigureHandler", nameof(address));
        if (address.Fragment.Length > 0)
        {
            throw new ArgumentException($"A WebSocket address has no fragment (RFC 6455, section 3): take '#' and what follows off.", nameof(address));
        }

        using var deadline = new ConnectDeadline(_options.ConnectTimeout, _options.TimeProvider, cancellationToken);
        try
        {
            return await HandshakeAsync(address, deadline.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new TransportException($"{AddressText.Of(address)} did not answer the WebSocket handshake within {_options.ConnectTimeout.TotalSeconds:0.#} seconds (ConnectTimeout).", e);
        }
        catch (HttpRequestException e)
        {
            var message = $"Could not open a WebSocket to {AddressText.Of(address)}. {_connector.Explain(address, e)}";

            // A proxy's refusal of its tunnel comes this way.
            throw e.StatusCode is { } status
                ? new TransportRefusedException(message, e) { StatusCode = (int)status }
                : new TransportException(message, e);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_http.IsValueCreated)
        {
            _http.Value.Dispose();
        }
    }

    internal static ChannelCharacteristics CharacteristicsOf(bool isEncrypted, bool isMultiplexed) => new()
    {
        IsReliable = true,
        IsOrdered = true,
        PreservesMessageBoundaries = true,
        PreservesMessageKind = true,
        CarriesCloseStatus = true,
        IsEncrypted = isEncrypted,
        IsMultiplexed = isMultiplexed,
    };

    private async Task<IMessageChannel> HandshakeAsync(Uri address, CancellationToken cancellationToken)
    {
        var isEncrypted = address.Scheme == "wss";
        var overHttp2 = _options.HttpVersion == HttpVersion.Version20;
        using var request = new HttpRequestMessage(
            overHttp2 ? HttpMethod.Connect : HttpMethod.Get,

            // With its own scheme: for 'http' the platform's handler would send a proxy the request itself, and not CONNECT (RFC 6455, section 4.1).
            address)
        {
            Version = _options.HttpVersion,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        string? key = null;
        if (overHttp2)
        {
            request.Headers.Protocol = WebSocketHandshake.Protocol;
        }
        else
        {
            key = WebSocketHandshake.NewKey();
            request.Headers.ConnectionClose = false;
            request.Headers.Connection.Add("Upgrade");
            request.Headers.Upgrade.Add(new ProductHeaderValue(WebSocketHandshake.Protocol));
            request.Headers.TryAddWithoutValidation(WebSocketHandshake.KeyHeader, key);
        }

        request.Headers.TryAddWithoutValidation(WebSocketHandshake.VersionHeader, WebSocketHandshake.Version);
        if (_options.SubProtocols.Count > 0)
        {
            request.Headers.TryAddWithoutValidation(WebSocketHandshake.SubProtocolHeader, string.Join(", ", _options.SubProtocols));
        }

        if (_options.EnableCompression)
        {
            request.Headers.TryAddWithoutValidation(WebSocketHandshake.ExtensionsHeader, WebSocketDeflateAgreement.Offer);
        }

        _options.ConfigureRequest?.Invoke(request);
        var response = await _http.Value.SendAsync(request, cancellationToken).ConfigureAwait(false);
        try
        {
            if (response.StatusCode != (overHttp2 ? HttpStatusCode.OK : HttpStatusCode.SwitchingProtocols))
            {
                throw await HttpRefusal.ReadAsync(response, WebSocketClientErrors.Refusal(address, response), _options.TimeProvider, cancellationToken).ConfigureAwait(false);
            }

            CheckUpgrade(address, response, key);
            var subProtocol = SubProtocolOf(response);
            var deflate = DeflateOf(response);
            var stream = await response.Content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false);

            // What an upgraded HTTP/1.1 connection is given goes out at once; an HTTP/2 stream waits for a flush.
            var connection = new WebSocketStreamConnection(stream, flushes: overHttp2, disposed: response.Dispose);
            var channel = new FramedMessageChannel(
                connection,
                new WebSocketCodec(isServer: false, deflate, subProtocol, _options),
                new MessageChannelContext
                {
                    TransportName = address.Scheme,
                    Side = ChannelSide.Client,
                    Options = _options,
                    Characteristics = CharacteristicsOf(isEncrypted, overHttp2),
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

    private static void CheckUpgrade(Uri address, HttpResponseMessage response, string? key)
    {
        if (key is null)
        {
            return;
        }

        if (!response.Headers.Upgrade.Any(static upgrade => upgrade.Name.Equals(WebSocketHandshake.Protocol, StringComparison.OrdinalIgnoreCase))
            || !response.Headers.Connection.Contains("Upgrade", StringComparer.OrdinalIgnoreCase)
            || ValuesOf(response, WebSocketHandshake.AcceptHeader) is not [var accept]
            || accept != WebSocketHandshake.Accept(key))
        {
            throw new TransportException($"{AddressText.Of(address)} switched protocols, but not to a WebSocket of this handshake (RFC 6455, section 4.1). Something between may have answered for it.");
        }
    }

    private static string[] ValuesOf(HttpResponseMessage response, string header)
        => response.Headers.NonValidated.TryGetValues(header, out var values) ? [.. values] : [];

    private string? SubProtocolOf(HttpResponseMessage response)
        => ValuesOf(response, WebSocketHandshake.SubProtocolHeader) switch
        {
            [] => null,
            [var name] when _options.SubProtocols.Contains(name) => name,
            var names => throw new TransportException(WebSocketClientErrors.SubProtocol(string.Join(", ", names), _options.SubProtocols)),
        };

    private WebSocketDeflateAgreement? DeflateOf(HttpResponseMessage response)
    {
        var answers = ValuesOf(response, WebSocketHandshake.ExtensionsHeader);
        if (!_options.EnableCompression && answers.Any(static answer => !string.IsNullOrWhiteSpace(answer)))
        {
            throw new TransportException($"The server answered with the WebSocket extension '{string.Join(", ", answers)}', though none was offered (RFC 6455, section 9.1).");
        }

        return WebSocketDeflateAgreement.FromAnswer(answers);
    }

    private HttpMessageInvoker CreateInvoker()
    {
        var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            EnableMultipleHttp2Connections = true,
            ConnectTimeout = _options.ConnectTimeout,
        };
        _connector.Configure(handler);
        _options.ConfigureHandler?.Invoke(handler);
        return new HttpMessageInvoker(handler);
    }
}
