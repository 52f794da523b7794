using System.Diagnostics;
using System.Net.Sockets;

namespace Transports.Benchmarks;

/// <summary>The pairs by hand: bare sockets, and one buffer for each that is active. An idle one waits for bytes without a buffer, which costs least.</summary>
internal sealed class IdleSockets : IdlePairs
{
    // The length and the payload.
    private const int FrameSize = 4 + 64;

    private static readonly byte[] Frame = new byte[FrameSize];

    private readonly List<Socket> _active = [];
    private readonly List<Socket> _all = [];
    private readonly List<Task> _echoes = [];
    private ValueTask<int>[] _waiting = [];

    protected override int ActiveCount => _active.Count;

    public override async Task OpenActiveAsync(int count)
    {
        foreach (var (client, server) in await SocketPairs.ConnectTcpAsync(count))
        {
            _all.AddRange([client, server]);
            _active.Add(client);
            _echoes.Add(Task.Run(() => EchoAsync(server)));
        }
    }

    public override async Task OpenIdleAsync(int count)
    {
        _waiting = new ValueTask<int>[2 * count];
        _all.EnsureCapacity(_all.Count + (2 * count));
        var buffer = new byte[FrameSize];
        var i = 0;
        foreach (var (client, server) in await SocketPairs.ConnectTcpAsync(count))
        {
            _all.AddRange([client, server]);
            await client.SendAsync(Frame, SocketFlags.None);
            await ReceiveFrameAsync(server, buffer);
            await server.SendAsync(Frame, SocketFlags.None);
            await ReceiveFrameAsync(client, buffer);
            _waiting[i++] = client.ReceiveAsync(Memory<byte>.Empty, SocketFlags.None);
            _waiting[i++] = server.ReceiveAsync(Memory<byte>.Empty, SocketFlags.None);
        }
    }

    public override async ValueTask DisposeAsync()
    {
        _all.ForEach(static socket => socket.Dispose());
        await Task.WhenAll([.. _echoes, .. _waiting.Select(static waiting => waiting.AsTask())]).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    protected override async Task GoBackAndForthAsync(int pair, long until, List<long> times)
    {
        var socket = _active[pair];
        var buffer = new byte[FrameSize];
        for (var start = Stopwatch.GetTimestamp(); start < until;)
        {
            await socket.SendAsync(Frame, SocketFlags.None);
            await ReceiveFrameAsync(socket, buffer);
            var end = Stopwatch.GetTimestamp();
            times.Add(end - start);
            start = end;
        }
    }

    private static async Task EchoAsync(Socket socket)
    {
        var buffer = new byte[FrameSize];
        while (true)
        {
            await ReceiveFrameAsync(socket, buffer);
            await socket.SendAsync(buffer, SocketFlags.None);
        }
    }

    private static async ValueTask ReceiveFrameAsync(Socket socket, byte[] buffer)
    {
        for (var have = 0; have < FrameSize;)
        {
            var count = await socket.ReceiveAsync(buffer.AsMemory(have), SocketFlags.None);
            have += count > 0 ? count : throw new EndOfStreamException();
        }
    }
}
