using System.Net.Sockets;

namespace Transports.Udp;

/// <summary>Where senders wait for a socket to take datagrams again; one thread waits for all of them.</summary>
/// <remarks>For datagrams that need a control message: .NET's own sends wait by themselves, but take none.</remarks>
internal sealed class SendRoom(Socket socket)
{
    private static readonly TimeSpan PollTime = TimeSpan.FromMilliseconds(100);

    private readonly Lock _gate = new();
    private Task? _waiting;

    /// <summary>Completes when the socket takes more, or is gone. It may be full again by then.</summary>
    public Task WaitAsync()
    {
        lock (_gate)
        {
            return _waiting is { IsCompleted: false } waiting ? waiting : _waiting = Task.Run(Wait);
        }
    }

    private void Wait()
    {
        try
        {
            while (!socket.Poll(PollTime, SelectMode.SelectWrite))
            {
                // In pieces, so that a disposal is seen.
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The next send says so.
        }
    }
}
