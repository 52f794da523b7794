using System.Net;
using System.Net.Sockets;

namespace Transports.Conformance.Tests;

/// <summary>The smallest transport there is: a channel on a loopback socket.</summary>
internal sealed class LoopbackTransport(ChannelCharacteristics characteristics, Func<Socket, ChannelSide, Uri?, IMessageChannel> open) : IClientTransport, IServerTransport
{
    public IReadOnlyList<string> Schemes { get; } = ["loop"];

    public ChannelCharacteristics GetCharacteristics(string scheme) => characteristics;

    /// <summary>Framed channels.</summary>
    public static LoopbackTransport Create(ConformanceOptions options, IMessageFraming framing, ConnectionFaultOptions? faults)
    {
        var characteristics = new ChannelCharacteristics
        {
            IsReliable = true,
            IsOrdered = true,
            SupportsHalfClose = true,
            MaxMessageSize = options.MaxMessageSize,
        };
        return new LoopbackTransport(characteristics, (socket, side, remote) =>
        {
            var bytes = ByteConnection.Create(socket);
            if (faults is not null)
            {
                bytes = new FaultyByteConnection(bytes, faults);
            }

            return new FramedMessageChannel(bytes, framing, new MessageChannelContext
            {
                TransportName = "loop",
                Side = side,
                Characteristics = characteristics,
                Options = options.ApplyTo(new MessageChannelOptions()),
                RemoteAddress = remote,
            });
        });
    }

    public async ValueTask<IMessageChannel> ConnectAsync(Uri address, CancellationToken cancellationToken = default)
    {
        Check(address);
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true, ReceiveBufferSize = 32 * 1024 };
        try
        {
            await socket.ConnectAsync(IPAddress.Loopback, address.Port, cancellationToken);
            return Open(socket, ChannelSide.Client, address);
        }
        catch (SocketException e)
        {
            socket.Dispose();
            throw new TransportException($"Nobody listens at {address}.", e);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    public ValueTask<IMessageListener> ListenAsync(Uri address, CancellationToken cancellationToken = default)
    {
        Check(address);
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        socket.ReceiveBufferSize = 32 * 1024;
        socket.Listen(512);
        return new(new Listener(this, socket));
    }

    private static void Check(Uri address)
    {
        if (address.Scheme != "loop")
        {
            throw new ArgumentException($"'{address}' is not a loop address.", nameof(address));
        }
    }

    private IMessageChannel Open(Socket socket, ChannelSide side, Uri? remote)
    {
        // A small kernel buffer is soon full, also by small pieces.
        socket.SendBufferSize = 32 * 1024;
        return open(socket, side, remote);
    }

    private sealed class Listener(LoopbackTransport transport, Socket socket) : IMessageListener
    {
        private readonly CancellationTokenSource _stopped = new();

        public Uri LocalAddress { get; } = new($"loop://localhost:{((IPEndPoint)socket.LocalEndPoint!).Port}");

        public async ValueTask<IMessageChannel?> AcceptAsync(CancellationToken cancellationToken = default)
        {
            using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _stopped.Token);
            try
            {
                var accepted = await socket.AcceptAsync(either.Token);
                accepted.NoDelay = true;
                return transport.Open(accepted, ChannelSide.Server, remote: null);
            }
            catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException or SocketException && _stopped.IsCancellationRequested)
            {
                return null;
            }
        }

        public ValueTask StopAcceptingAsync(CancellationToken cancellationToken = default)
        {
            _stopped.Cancel();
            socket.Dispose();
            return default;
        }

        public ValueTask DisposeAsync() => StopAcceptingAsync();
    }
}
