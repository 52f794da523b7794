using System.Diagnostics.Metrics;

namespace Transports.Tests.Behaviors;

public sealed class MetricsTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task WithMetrics_MessagesBothWays_AreCountedWithTheirTags()
    {
        using var meter = new Recorder("mem://metered");
        var transport = new MemoryTransport();
        await using var listener = await transport.ListenAsync(new Uri("mem://metered"), Token);
        await using var client = (await transport.ConnectAsync(new Uri("mem://metered?key=secret"), Token)).WithMetrics();
        await using var server = (await listener.AcceptAsync(Token))!.WithMetrics();
        meter.Sum("transports.channels.active").Should().Be(2);

        await client.SendAsync(new byte[10], Token);
        await client.SendAsync(new Message[] { new byte[1], new byte[2] }.AsMemory(), Token);
        await server.ReceiveAsync(Token);
        server.TryReceive(out _).Should().BeTrue();
        await server.ReceiveAsync(Token);

        meter.Sum("transports.messages", "client", "send").Should().Be(3);
        meter.Sum("transports.io", "client", "send").Should().Be(13);
        meter.Sum("transports.messages", "server", "receive").Should().Be(3);
        meter.Sum("transports.message.size", "server", "receive").Should().Be(13);
        meter.Tag("transport").Should().Equal("mem");
    }

    [Fact]
    public async Task WithMetrics_ChannelLost_CountsAnErrorByStatus()
    {
        using var meter = new Recorder("mem://lost");
        var transport = new MemoryTransport();
        await using var listener = await transport.ListenAsync(new Uri("mem://lost"), Token);
        await using var client = await transport.ConnectAsync(new Uri("mem://lost"), Token);
        await using var server = (await listener.AcceptAsync(Token))!.WithMetrics();

        client.Abort();

        await meter.WhenAsync(m => m.Sum("transports.channel.errors") == 1, Token);
        meter.Tag("status").Should().Equal("ConnectionLost");
        meter.Sum("transports.channels.active").Should().Be(0);
    }

    [Fact]
    public async Task WithMetrics_SendWaitsForRoom_RecordsTheWait()
    {
        using var meter = new Recorder("mem://pair");
        await using var pair = await MemoryPair.OpenAsync(new MemoryTransportOptions { SendBufferSize = 1024 });
        var client = pair.Client.WithMetrics();
        await client.SendAsync(new byte[1024], Token);
        var sending = client.SendAsync(new byte[1024], Token).AsTask();
        await pair.Server.ReceiveAsync(Token);

        await sending;

        meter.Count("transports.send.wait").Should().Be(1);
    }

    [Fact]
    public async Task WithMetrics_SecondReceiver_IsStillRefused()
    {
        await using var pair = await MemoryPair.OpenAsync();
        await using var client = pair.Client.WithMetrics();
        var first = client.ReceiveAsync(Token).AsTask();

        await client.Invoking(async c => await c.ReceiveAsync(Token)).Should().ThrowAsync<InvalidOperationException>();

        await pair.Server.CloseAsync(cancellationToken: Token);
        (await first).Should().BeNull();
    }

    /// <summary>Listens to the meter for one address: other tests run at the same time.</summary>
    private sealed class Recorder : IDisposable
    {
        private readonly MeterListener _listener = new();
        private readonly Lock _gate = new();
        private readonly List<(string Name, double Value, Dictionary<string, object?> Tags)> _records = [];

        public Recorder(string address)
        {
            _listener.InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Meter.Name == TransportsInstrumentation.MeterName)
                {
                    listener.EnableMeasurementEvents(instrument);
                }
            };
            _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Add(address, instrument.Name, value, tags));
            _listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Add(address, instrument.Name, value, tags));
            _listener.Start();
        }

        public double Sum(string name, string? side = null, string? direction = null) => Select(name, side, direction).Sum(record => record.Value);

        public int Count(string name) => Select(name, null, null).Count;

        public IEnumerable<object?> Tag(string tag)
        {
            lock (_gate)
            {
                return _records.Where(record => record.Tags.ContainsKey(tag)).Select(record => record.Tags[tag]).Distinct().ToList();
            }
        }

        public async Task WhenAsync(Func<Recorder, bool> condition, CancellationToken cancellationToken)
        {
            while (!condition(this))
            {
                cancellationToken.ThrowIfCancellationRequested();
                await Task.Yield();
            }
        }

        public void Dispose() => _listener.Dispose();

        private List<(string Name, double Value, Dictionary<string, object?> Tags)> Select(string name, string? side, string? direction)
        {
            lock (_gate)
            {
                return _records.Where(record => record.Name == name
                    && (side is null || Equals(record.Tags["side"], side))
                    && (direction is null || Equals(record.Tags["direction"], direction))).ToList();
            }
        }

        private void Add(string address, string name, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            var dictionary = new Dictionary<string, object?>();
            foreach (var tag in tags)
            {
                dictionary[tag.Key] = tag.Value;
            }

            // A guard's refusals have no address: other tests' are seen here too.
            if ((dictionary.GetValueOrDefault("address") as string)?.TrimEnd('/') == address)
            {
                lock (_gate)
                {
                    _records.Add((name, value, dictionary));
                }
            }
        }
    }
}
