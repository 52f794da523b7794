using System.Net.Sockets;
using Transports.Extensibility;
using Transports;

namespace CustomTransport;

/// <summary>Accepts at one path.</summary>
internal sealed class PacketListener(PacketTransport transport, Socket socket, Uri address, string path) : IMessageListener
{
    private readonly CancellationTokenSource _stopped = new();
    private int _isStopping;

    public Uri LocalAddress => address;

    public async ValueTask<IMessageChannel?> AcceptAsync(CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _stopped.Token);
        try
        {
            var accepted = await socket.AcceptAsync(either.Token).ConfigureAwait(false);
            return transport.Open(accepted, ChannelSide.Server, local: address);
        }
        catch (Exception e) when (_stopped.IsCancellationRequested && e is OperationCanceledException or ObjectDisposedException or SocketException)
        {
            return null;
        }
        catch (OperationCanceledException e)
        {
            throw new OperationCanceledException(e.Message, e, cancellationToken);
        }
        catch (SocketException e)
        {
            throw new TransportException($"Accepting at {address} failed: {e.Message}. Call again after a pause.", e);
        }
    }

    // snippet: stop-accepting
    public async ValueTask StopAcceptingAsync(CancellationToken cancellationToken = default)
    {
        if (Interlocked.Exchange(ref _isStopping, 1) != 0)
        {
            return;
        }

        await _stopped.CancelAsync().ConfigureAwait(false);
        File.Delete(path);

        // Whoever waits to be accepted is told that nobody will.
        socket.Blocking = false;
        try
        {
            while (true)
            {
                var waiting = transport.Open(socket.Accept(), ChannelSide.Server, local: address);
                await waiting.CloseAsync(ChannelCloseStatus.GoingAway, "The listener stopped before it accepted this channel.", CancellationToken.None).ConfigureAwait(false);
            }
        }
        catch (SocketException)
        {
            // Nobody waits.
            socket.Dispose();
        }
    }
    // end snippet

    public ValueTask DisposeAsync() => StopAcceptingAsync();
}
