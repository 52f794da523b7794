using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace Compare.Relays;

/// <summary>A counting relay for stream sockets: TCP, and sockets of the file system.</summary>
internal sealed class StreamRelay : IRelay
{
    private readonly Socket _listener;
    private readonly EndPoint _target;
    private readonly string? _path;
    private readonly DelayLine? _line;
    private readonly ConcurrentBag<Socket> _sockets = [];
    private readonly Task _accepting;
    private long _passed;

    private StreamRelay(Socket listener, EndPoint target, Uri address, string? path, DelayLine? line)
    {
        _listener = listener;
        _target = target;
        Address = address;
        _path = path;
        _line = line;
        _accepting = AcceptAsync();
    }

    public Uri Address { get; }

    public long BytesPassed => Interlocked.Read(ref _passed);

    /// <summary>Relays to a TCP port of this machine.</summary>
    /// <param name="target">The listener's address; scheme, host and path stay as they are.</param>
    /// <param name="line">Delays what is passed on, both ways; the caller's, and disposed after the relay.</param>
    public static StreamRelay ForTcp(Uri target, DelayLine? line = null)
    {
        var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        var address = new UriBuilder(target) { Port = ((IPEndPoint)listener.LocalEndPoint!).Port }.Uri;
        return new StreamRelay(listener, new IPEndPoint(IPAddress.Loopback, target.Port), address, path: null, line);
    }

    /// <summary>Relays to a socket in the file system.</summary>
    /// <param name="target">The listener's address.</param>
    /// <param name="line">Delays what is passed on, both ways; the caller's, and disposed after the relay.</param>
    public static StreamRelay ForUnix(Uri target, DelayLine? line = null)
    {
        var path = target.AbsolutePath + ".relay";
        var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(path));
        listener.Listen();
        return new StreamRelay(listener, new UnixDomainSocketEndPoint(target.AbsolutePath), new Uri("unix://" + path), path, line);
    }

    public async ValueTask DisposeAsync()
    {
        _listener.Dispose();
        foreach (var socket in _sockets)
        {
            socket.Dispose();
        }

        await _accepting;
        if (_path is not null)
        {
            File.Delete(_path);
        }
    }

    private async Task AcceptAsync()
    {
        var passing = new List<Task>();
        try
        {
            while (true)
            {
                var near = await _listener.AcceptAsync();
                _sockets.Add(near);
                var far = new Socket(_target.AddressFamily, SocketType.Stream, _listener.ProtocolType);
                _sockets.Add(far);
                await far.ConnectAsync(_target);
                if (_path is null)
                {
                    near.NoDelay = far.NoDelay = true;
                }

                passing.Add(PassAsync(near, far));
                passing.Add(PassAsync(far, near));
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The relay is being disposed, or its target is gone: whoever connected finds out.
        }

        await Task.WhenAll(passing);
    }

    private async Task PassAsync(Socket from, Socket to)
    {
        var buffer = new byte[64 * 1024];
        Action<ReadOnlyMemory<byte>> sendLater = bytes => SendLater(to, bytes);
        try
        {
            while (await from.ReceiveAsync(buffer) is var count and > 0)
            {
                Interlocked.Add(ref _passed, count);
                if (_line is null)
                {
                    await to.SendAsync(buffer.AsMemory(0, count));
                }
                else
                {
                    _line.Post(buffer.AsSpan(0, count), sendLater);
                }
            }

            if (_line is null)
            {
                to.Shutdown(SocketShutdown.Send);
            }
            else
            {
                // The end stays behind the bytes.
                _line.Post([], sendLater);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // One end broke off: so does the other.
            from.Dispose();
            to.Dispose();
        }
    }

    private static void SendLater(Socket to, ReadOnlyMemory<byte> bytes)
    {
        try
        {
            if (bytes.IsEmpty)
            {
                to.Shutdown(SocketShutdown.Send);
            }
            else
            {
                to.Send(bytes.Span);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // That end broke off: the other one's reader finds out by the socket it shares with it.
            to.Dispose();
        }
    }
}
