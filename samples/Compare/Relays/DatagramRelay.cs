using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace Compare.Relays;

/// <summary>A counting relay for datagrams: UDP, and QUIC, which travels in them.</summary>
internal sealed class DatagramRelay : IRelay
{
    private readonly Socket _near = NewSocket();
    private readonly IPEndPoint _target;
    private readonly Dictionary<EndPoint, Socket> _far = [];
    private readonly ConcurrentBag<Task> _answers = [];
    private readonly Task _passing;
    private readonly DelayLine? _line;
    private long _passed;

    /// <summary>Relays to a UDP port of this machine.</summary>
    /// <param name="target">The listener's address.</param>
    /// <param name="line">Delays what is passed on, both ways; the caller's, and disposed after the relay.</param>
    public DatagramRelay(Uri target, DelayLine? line = null)
    {
        _line = line;
        _target = new IPEndPoint(IPAddress.Loopback, target.Port);
        _near.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        Address = new UriBuilder(target) { Port = ((IPEndPoint)_near.LocalEndPoint!).Port }.Uri;
        _passing = PassAsync();
    }

    public Uri Address { get; }

    public long BytesPassed => Interlocked.Read(ref _passed);

    public async ValueTask DisposeAsync()
    {
        _near.Dispose();
        await _passing;
        foreach (var far in _far.Values)
        {
            far.Dispose();
        }

        await Task.WhenAll(_answers);
    }

    private static Socket NewSocket() => new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);

    // Each peer gets a socket of its own towards the listener, which tells peers apart by their ports.
    private async Task PassAsync()
    {
        var buffer = new byte[ushort.MaxValue];
        try
        {
            while (true)
            {
                var received = await _near.ReceiveFromAsync(buffer, new IPEndPoint(IPAddress.Any, 0));
                if (!_far.TryGetValue(received.RemoteEndPoint, out var far))
                {
                    far = NewSocket();
                    await far.ConnectAsync(_target);
                    _far.Add(received.RemoteEndPoint, far);
                    _answers.Add(AnswerAsync(far, received.RemoteEndPoint));
                }

                Interlocked.Add(ref _passed, received.ReceivedBytes);
                if (_line is null)
                {
                    await far.SendAsync(buffer.AsMemory(0, received.ReceivedBytes));
                }
                else
                {
                    _line.Post(buffer.AsSpan(0, received.ReceivedBytes), bytes => SendLater(() => far.Send(bytes.Span)));
                }
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The relay is being disposed, or its target is gone.
        }
    }

    private async Task AnswerAsync(Socket far, EndPoint peer)
    {
        var buffer = new byte[ushort.MaxValue];
        try
        {
            while (true)
            {
                var count = await far.ReceiveAsync(buffer);
                Interlocked.Add(ref _passed, count);
                if (_line is null)
                {
                    await _near.SendToAsync(buffer.AsMemory(0, count), peer);
                }
                else
                {
                    _line.Post(buffer.AsSpan(0, count), bytes => SendLater(() => _near.SendTo(bytes.Span, peer)));
                }
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // As above.
        }
    }

    private static void SendLater(Func<int> send)
    {
        try
        {
            send();
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // As above: what is lost is a datagram.
        }
    }
}
