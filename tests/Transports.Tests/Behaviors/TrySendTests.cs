using System.Buffers;
using System.Diagnostics.Metrics;
using System.Text;
using Transports.Tests.Serialization;

namespace Transports.Tests.Behaviors;

/// <summary>What decorators and typed channels make of a send that never waits.</summary>
public sealed class TrySendTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Heartbeat_PayloadOfAPing_IsRefusedAndOthersPass()
    {
        await using var pair = await MemoryPair.OpenAsync();
        await using var channel = pair.Client.WithHeartbeat(new HeartbeatOptions { Payload = "ping"u8.ToArray() });

        channel.Invoking(c => c.TrySend("ping")).Should().Throw<MessageFramingException>();
        channel.TrySend("hello").Should().BeTrue();

        (await pair.Server.ReceiveAsync(Token))!.Value.GetText().Should().Be("hello");
    }

    [Fact]
    public async Task Metrics_OnlyWhatWasTaken_IsCounted()
    {
        await using var pair = await MemoryPair.OpenAsync(new MemoryTransportOptions { SendBufferSize = 1024 });
        await using var channel = pair.Client.WithMetrics();
        var counted = 0L;
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, l) =>
        {
            if (instrument.Meter.Name == TransportsInstrumentation.MeterName && instrument.Name == "transports.io")
            {
                l.EnableMeasurementEvents(instrument);
            }
        };

        // A size that no other test sends.
        listener.SetMeasurementEventCallback<long>((_, value, _, _) => Interlocked.Add(ref counted, value == 617 ? 1 : 0));
        listener.Start();

        channel.TrySend(new byte[617]).Should().BeTrue();
        channel.TrySend(new byte[617]).Should().BeFalse();

        Volatile.Read(ref counted).Should().Be(1);
    }

    [Fact]
    public async Task Logging_OnlyWhatWasTaken_IsLogged()
    {
        await using var pair = await MemoryPair.OpenAsync(new MemoryTransportOptions { SendBufferSize = 1024 });
        var logger = new ListLogger();
        await using var channel = pair.Client.WithLogging(logger);

        channel.TrySend(new byte[1000]).Should().BeTrue();
        channel.TrySend(new byte[1000]).Should().BeFalse();

        logger.Lines.Should().ContainSingle(line => line.Text.Contains("1000", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Typed_NoRoom_IsToldAndTheChannelGoesOn(bool decorated)
    {
        await using var pair = await MemoryPair.OpenAsync(new MemoryTransportOptions { SendBufferSize = 1024 });
        await using var channel = (decorated ? new PassingChannel(pair.Client) : pair.Client).WithSerializer(new FakeSerializer(static (value, output) => Encoding.UTF8.GetBytes(value, output)));
        var taken = 0;
        while (channel.TrySend($"number {taken}"))
        {
            taken++;
        }

        taken.Should().BePositive();
        for (var i = 0; i < taken; i++)
        {
            (await pair.Server.ReceiveAsync(Token))!.Value.GetText().Should().Be($"number {i}");
        }

        channel.TrySend("and on").Should().BeTrue();
        (await pair.Server.ReceiveAsync(Token))!.Value.GetText().Should().Be("and on");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Typed_SerializerThrows_NothingIsSentAndTheChannelGoesOn(bool decorated)
    {
        await using var pair = await MemoryPair.OpenAsync();
        var serializer = new FakeSerializer(static (value, output) =>
        {
            Encoding.UTF8.GetBytes(value, output);
            if (value == "half")
            {
                throw new FormatException("made to fail");
            }
        });
        await using var channel = (decorated ? new PassingChannel(pair.Client) : pair.Client).WithSerializer(serializer);

        channel.Invoking(c => c.TrySend("half")).Should().Throw<FormatException>();
        channel.TrySend("whole").Should().BeTrue();

        (await pair.Server.ReceiveAsync(Token))!.Value.GetText().Should().Be("whole");
        pair.Server.TryReceive(out _).Should().BeFalse();
    }

    [Fact]
    public async Task Typed_SerializerTriesTheChannelItWritesTo_IsTold()
    {
        await using var pair = await MemoryPair.OpenAsync();
        IMessageChannel<string, string> channel = null!;
        var serializer = new FakeSerializer((value, _) => channel.TrySend(value));
        channel = pair.Client.WithSerializer(serializer);
        await using var disposing = channel;

        channel.Invoking(c => c.TrySend("in itself")).Should().Throw<InvalidOperationException>().WithMessage("*serializer*");

        pair.Client.TrySend("whole").Should().BeTrue();
        (await pair.Server.ReceiveAsync(Token))!.Value.GetText().Should().Be("whole");
    }
}
