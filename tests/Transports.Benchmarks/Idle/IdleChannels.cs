using System.Diagnostics;

namespace Transports.Benchmarks;

/// <summary>The pairs through the library.</summary>
internal sealed class IdleChannels : IdlePairs
{
    private static readonly byte[] Payload = new byte[64];

    private readonly TcpTransport _transport = new();
    private readonly List<IMessageChannel> _active = [];
    private readonly List<IMessageChannel> _all = [];
    private readonly List<Task> _echoes = [];
    private ValueTask<Message?>[] _waiting = [];
    private IMessageListener? _listener;

    protected override int ActiveCount => _active.Count;

    public override async Task OpenActiveAsync(int count)
    {
        for (var i = 0; i < count; i++)
        {
            var (client, server) = await ConnectAsync();
            _active.Add(client);
            _echoes.Add(Task.Run(() => EchoAsync(server)));
        }
    }

    public override async Task OpenIdleAsync(int count)
    {
        // Not an async method for each: what waits here are the channels, and what an application adds is its own.
        _waiting = new ValueTask<Message?>[2 * count];
        _all.EnsureCapacity(_all.Count + (2 * count));
        for (var i = 0; i < count; i++)
        {
            var (client, server) = await ConnectAsync();
            await client.SendAsync(Payload);
            await server.ReceiveAsync();
            await server.SendAsync(Payload);
            await client.ReceiveAsync();
            _waiting[2 * i] = client.ReceiveAsync();
            _waiting[(2 * i) + 1] = server.ReceiveAsync();
        }
    }

    public override async ValueTask DisposeAsync()
    {
        _all.ForEach(static channel => channel.Abort());
        await Task.WhenAll([.. _echoes, .. _waiting.Select(static waiting => waiting.AsTask())]).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (_listener is not null)
        {
            await _listener.DisposeAsync();
        }
    }

    protected override async Task GoBackAndForthAsync(int pair, long until, List<long> times)
    {
        var channel = _active[pair];
        for (var start = Stopwatch.GetTimestamp(); start < until;)
        {
            await channel.SendAsync(Payload);
            await channel.ReceiveAsync();
            var end = Stopwatch.GetTimestamp();
            times.Add(end - start);
            start = end;
        }
    }

    private static async Task EchoAsync(IMessageChannel channel)
    {
        while (await channel.ReceiveAsync() is { } message)
        {
            await channel.SendAsync(message);
        }
    }

    private async Task<(IMessageChannel Client, IMessageChannel Server)> ConnectAsync()
    {
        _listener ??= await _transport.ListenAsync(new Uri("tcp://127.0.0.1:0"));
        var accepting = _listener.AcceptAsync().AsTask();
        var client = await _transport.ConnectAsync(_listener.LocalAddress);
        var server = await accepting ?? throw new InvalidOperationException("The listener stopped.");
        _all.AddRange([client, server]);
        return (client, server);
    }
}
