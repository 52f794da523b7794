using System.Net;
using System.Net.Sockets;
using Transports.Extensibility;
using Transports;

namespace CustomTransport;

/// <summary>Accepts what the system has connected. What it has not accepted when it stops is reset by the system.</summary>
internal sealed class LoopListener(LoopTransport transport, Socket socket) : IMessageListener
{
    private readonly CancellationTokenSource _stopped = new();

    public Uri LocalAddress { get; } = new($"loop://localhost:{((IPEndPoint)socket.LocalEndPoint!).Port}");

    public async ValueTask<IMessageChannel?> AcceptAsync(CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _stopped.Token);
        try
        {
            var accepted = await socket.AcceptAsync(either.Token).ConfigureAwait(false);
            return transport.Open(accepted, ChannelSide.Server, local: LocalAddress);
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
            throw new TransportException($"Accepting at {LocalAddress} failed: {e.Message}. Call again after a pause.", e);
        }
    }

    public ValueTask StopAcceptingAsync(CancellationToken cancellationToken = default)
    {
        _stopped.Cancel();
        socket.Dispose();
        return ValueTask.CompletedTask;
    }

    public ValueTask DisposeAsync() => StopAcceptingAsync();
}
