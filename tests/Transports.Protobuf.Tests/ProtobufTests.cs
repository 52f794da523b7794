using System.Buffers;
using System.IO.Pipelines;
using Google.Protobuf;

namespace Transports.Protobuf.Tests;

public sealed class ProtobufTests
{
    private static readonly ProtobufMessageSerializer<Forecast> Forecasts = ProtobufMessageSerializer<Forecast>.Default;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    /// <summary>Message sizes around each length of a varint.</summary>
    public static TheoryData<int> MapSizes => [0, 1, 100, 123, 124, 125, 126, 127, 128, 16_378, 16_379, 16_380, 16_384, 70_000, 2_097_144, 2_097_145, 2_097_152];

    [Theory]
    [MemberData(nameof(MapSizes))]
    public void VarintFraming_SerializedMessages_AreTheBytesOfWriteDelimitedTo(int mapSize)
    {
        var forecasts = new[] { Sample(mapSize), new Forecast(), Sample(mapSize) };
        using var expected = new MemoryStream();
        var written = new ArrayBufferWriter<byte>();
        foreach (var forecast in forecasts)
        {
            forecast.WriteDelimitedTo(expected);
            var payload = new ArrayBufferWriter<byte>();
            Forecasts.Serialize(forecast, payload);
            VarintFraming.Default.WriteFrame(new ReadOnlySequence<byte>(payload.WrittenMemory), written);
        }

        written.WrittenSpan.SequenceEqual(expected.ToArray()).Should().BeTrue();

        var decoder = VarintFraming.Default.CreateDecoder(10_000_000);
        var buffer = expected.ToArray().AsMemory();
        foreach (var forecast in forecasts)
        {
            decoder.TryReadFrame(buffer.Span, out var offset, out var length, out var consumed).Should().BeTrue();
            Forecasts.Deserialize(new ReadOnlySequence<byte>(buffer.Slice(offset, length))).Equals(forecast).Should().BeTrue();
            buffer = buffer[consumed..];
        }

        buffer.IsEmpty.Should().BeTrue();
    }

    [Theory]
    [MemberData(nameof(MapSizes))]
    public async Task WithProtobuf_OverVarint_SpeaksWithAPeerThatReadsAndWritesDelimited(int mapSize)
    {
        var toPeer = new Pipe();
        var fromPeer = new Pipe();
        await using var channel = FramedMessageChannel
            .Create(new Duplex(fromPeer.Reader, toPeer.Writer), VarintFraming.Default, new MessageChannelOptions { MaxMessageSize = 10_000_000 })
            .WithProtobuf<Question, Forecast>();
        var question = new Question { Place = "Bern", Details = { "wind", "rain" } };
        var peer = Task.Run(
            () =>
            {
                using var input = toPeer.Reader.AsStream();
                using var output = fromPeer.Writer.AsStream();
                var asked = Question.Parser.ParseDelimitedFrom(input);
                Sample(mapSize).WriteDelimitedTo(output);
                return asked;
            },
            Ct);

        await channel.SendAsync(question, Ct);

        (await channel.ReceiveAsync(Ct)).Value.Equals(Sample(mapSize)).Should().BeTrue();
        (await peer).Equals(question).Should().BeTrue();
    }

    [Fact]
    public async Task ReceiveAsync_Garbage_ThrowsForThatOneAndTheChannelStaysOpen()
    {
        var there = new Pipe();
        var back = new Pipe();
        await using var sender = FramedMessageChannel.Create(new Duplex(back.Reader, there.Writer));
        await using var receiver = FramedMessageChannel.Create(new Duplex(there.Reader, back.Writer)).WithProtobuf<Forecast>();
        await sender.SendAsync(new byte[] { 0x0A, 0xFF }, Ct);
        await sender.SendAsync(Sample(3).ToByteArray(), Ct);

        var receive = async () => await receiver.ReceiveAsync(Ct);
        await receive.Should().ThrowAsync<InvalidProtocolBufferException>();
        (await receiver.ReceiveAsync(Ct)).Value.Equals(Sample(3)).Should().BeTrue();
    }

    [Fact]
    public void Deserialize_NestedTooDeep_Throws()
    {
        var forecast = new Forecast();
        for (var i = 0; i < 150; i++)
        {
            forecast = new Forecast { Tomorrow = forecast };
        }

        var read = () => Forecasts.Deserialize(new ReadOnlySequence<byte>(forecast.ToByteArray()));
        read.Should().Throw<InvalidProtocolBufferException>();
    }

    [Fact]
    public void Deserialize_EmptyPayload_IsTheDefaultMessage()
        => Forecasts.Deserialize(ReadOnlySequence<byte>.Empty).Equals(new Forecast()).Should().BeTrue();

    [Fact]
    public void Serialize_SteadyState_AllocatesNothing()
    {
        var forecast = Sample(100);
        var output = new ArrayBufferWriter<byte>(1000);
        Forecasts.Serialize(forecast, output);

        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 100; i++)
        {
            output.ResetWrittenCount();
            Forecasts.Serialize(forecast, output);
        }

        (GC.GetAllocatedBytesForCurrentThread() - before).Should().Be(0);
    }

    [Fact]
    public void Serialize_Null_Throws()
    {
        var write = () => Forecasts.Serialize(null!, new ArrayBufferWriter<byte>());
        write.Should().Throw<ArgumentNullException>();
    }

    private static Forecast Sample(int mapSize) => new()
    {
        Map = ByteString.CopyFrom(Enumerable.Range(0, mapSize).Select(i => (byte)i).ToArray()),
    };

    private sealed class Duplex(PipeReader input, PipeWriter output) : IDuplexPipe
    {
        public PipeReader Input => input;

        public PipeWriter Output => output;
    }
}
