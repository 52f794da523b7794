using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Transports;
using Transports.Extensibility;

namespace CustomTransport;

/// <summary>Framed messages over TCP on this machine alone, at addresses such as <c>loop://localhost:5000</c>: the smallest transport of bytes.</summary>
public sealed class LoopTransport : IClientTransport, IServerTransport
{
    private readonly LoopTransportOptions _options;
    private readonly ILogger _logger;

    /// <summary>A transport.</summary>
    /// <param name="options">Limits and services; not to be changed afterwards. The defaults when <see langword="null"/>.</param>
    /// <param name="loggerFactory">Where its channels log.</param>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    public LoopTransport(LoopTransportOptions? options = null, ILoggerFactory? loggerFactory = null)
    {
        _options = options ?? new LoopTransportOptions();
        _options.Validate();
        _logger = loggerFactory?.CreateLogger("CustomTransport.Loop") ?? NullLogger.Instance;
    }

    // snippet: transport-promises
    public IReadOnlyList<string> Schemes { get; } = ["loop"];

    public ChannelCharacteristics GetCharacteristics(string scheme) => new()
    {
        IsReliable = true,
        IsOrdered = true,
        SupportsHalfClose = true,
        MaxMessageSize = _options.MaxMessageSize,
    };
    // end snippet

    // snippet: byte-connect
    public async ValueTask<IMessageChannel> ConnectAsync(Uri address, CancellationToken cancellationToken = default)
    {
        Check(address);
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            await socket.ConnectAsync(IPAddress.Loopback, address.Port, cancellationToken).ConfigureAwait(false);
            return Open(socket, ChannelSide.Client, remote: address);
        }
        catch (SocketException e)
        {
            socket.Dispose();
            throw new TransportException($"Nobody listens at {AddressText.Of(address)}. Start the server first.", e);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
    // end snippet

    /// <inheritdoc/>
    public ValueTask<IMessageListener> ListenAsync(Uri address, CancellationToken cancellationToken = default)
    {
        Check(address);
        cancellationToken.ThrowIfCancellationRequested();
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Bind(new IPEndPoint(IPAddress.Loopback, address.Port));
            socket.Listen(_options.Backlog);
            return new ValueTask<IMessageListener>(new LoopListener(this, socket));
        }
        catch (SocketException e)
        {
            socket.Dispose();
            throw new TransportException($"Cannot listen at {AddressText.Of(address)}: {e.Message}. Take another port, or 0 for a free one.", e);
        }
    }

    // snippet: byte-open
    internal IMessageChannel Open(Socket socket, ChannelSide side, Uri? local = null, Uri? remote = null)
    {
        socket.NoDelay = true;
        return new FramedMessageChannel(new LoopConnection(socket), _options.Framing, new MessageChannelContext
        {
            TransportName = "loop",
            Side = side,
            Characteristics = GetCharacteristics("loop"),
            Options = _options,
            LocalAddress = local,
            RemoteAddress = remote,
            Logger = _logger,
        });
    }
    // end snippet

    private static void Check(Uri address)
    {
        ArgumentNullException.ThrowIfNull(address);
        if (!address.IsAbsoluteUri || address.Scheme != "loop" || !address.IsLoopback || address.Port < 0)
        {
            throw new ArgumentException($"'{AddressText.Of(address)}' is not a loop address. Write it as loop://localhost:5000.", nameof(address));
        }

        AddressText.ThrowIfUserInfo(address, "tell the peer who you are in a message", nameof(address));
    }
}
