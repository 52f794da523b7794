using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Transports;
using Transports.Extensibility;

namespace CustomTransport;

/// <summary>
/// A message is a packet of a Unix domain socket of the type SOCK_SEQPACKET, at addresses such as <c>packet:///run/app.sock</c>: the smallest transport
/// whose wire keeps messages apart. Linux has such sockets.
/// </summary>
public sealed class PacketTransport : IClientTransport, IServerTransport
{
    private readonly PacketTransportOptions _options;
    private readonly ILogger _logger;

    /// <summary>A transport.</summary>
    /// <param name="options">Limits and services; not to be changed afterwards. The defaults when <see langword="null"/>.</param>
    /// <param name="loggerFactory">Where its channels log.</param>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    public PacketTransport(PacketTransportOptions? options = null, ILoggerFactory? loggerFactory = null)
    {
        _options = options ?? new PacketTransportOptions();
        _options.Validate();
        _logger = loggerFactory?.CreateLogger("CustomTransport.Packets") ?? NullLogger.Instance;
    }

    /// <inheritdoc/>
    public IReadOnlyList<string> Schemes { get; } = ["packet"];

    /// <inheritdoc/>
    public ChannelCharacteristics GetCharacteristics(string scheme) => new()
    {
        IsReliable = true,
        IsOrdered = true,
        PreservesMessageBoundaries = true,
        PreservesMessageKind = true,
        SupportsHalfClose = true,
        CarriesCloseStatus = true,
        MaxMessageSize = Math.Min(_options.MaxMessageSize, PacketTransportOptions.MaxPacketSize),
    };

    /// <inheritdoc/>
    public async ValueTask<IMessageChannel> ConnectAsync(Uri address, CancellationToken cancellationToken = default)
    {
        var endPoint = new UnixDomainSocketEndPoint(PathOf(address));
        var socket = CreateSocket();
        try
        {
            await ConnectAsync(socket, endPoint, cancellationToken).ConfigureAwait(false);
            return Open(socket, ChannelSide.Client, remote: address);
        }
        catch (SocketException e)
        {
            socket.Dispose();
            throw new TransportException($"Cannot connect to {AddressText.Of(address)}: {e.Message}. Start the server first, with a packet address of this path.", e);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public ValueTask<IMessageListener> ListenAsync(Uri address, CancellationToken cancellationToken = default)
    {
        var path = PathOf(address);
        cancellationToken.ThrowIfCancellationRequested();
        var socket = CreateSocket();
        try
        {
            socket.Bind(new UnixDomainSocketEndPoint(path));
            socket.Listen(_options.Backlog);
            return new ValueTask<IMessageListener>(new PacketListener(this, socket, address, path));
        }
        catch (SocketException e)
        {
            socket.Dispose();
            throw new TransportException($"Cannot listen at {AddressText.Of(address)}: {e.Message}. Delete the file where no program uses it any more, or take another path.", e);
        }
    }

    internal IMessageChannel Open(Socket socket, ChannelSide side, Uri? local = null, Uri? remote = null)
        => new PacketMessageChannel(socket, new MessageChannelContext
        {
            TransportName = "packet",
            Side = side,
            Characteristics = GetCharacteristics("packet"),
            Options = _options,
            LocalAddress = local,
            RemoteAddress = remote,
            Logger = _logger,
        });

    // snippet: unavailable
    private static Socket CreateSocket()
    {
        try
        {
            return new Socket(AddressFamily.Unix, SocketType.Seqpacket, ProtocolType.Unspecified);
        }
        catch (SocketException e)
        {
            throw new TransportUnavailableException("Unix domain sockets of the type SOCK_SEQPACKET", "Linux has them; elsewhere take unix:// addresses.", e);
        }
    }
    // end snippet

    // A full backlog refuses, and nothing tells when it has room again.
    private async Task ConnectAsync(Socket socket, UnixDomainSocketEndPoint endPoint, CancellationToken cancellationToken)
    {
        var clock = _options.TimeProvider;
        var start = clock.GetTimestamp();
        while (true)
        {
            try
            {
                await socket.ConnectAsync(endPoint, cancellationToken).ConfigureAwait(false);
                return;
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.WouldBlock && clock.GetElapsedTime(start) < _options.ConnectTimeout)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(5), clock, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private static string PathOf(Uri address)
    {
        ArgumentNullException.ThrowIfNull(address);
        if (!address.IsAbsoluteUri || address.Scheme != "packet" || address.Host.Length > 0 || address.AbsolutePath.Length < 2)
        {
            throw new ArgumentException($"'{AddressText.Of(address)}' is not a packet address. Write it as packet:///run/app.sock.", nameof(address));
        }

        return Uri.UnescapeDataString(address.AbsolutePath);
    }
}
