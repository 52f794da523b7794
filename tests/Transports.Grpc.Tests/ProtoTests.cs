using Google.Protobuf;

namespace Transports.Grpc.Tests;

/// <summary>The envelope written by hand against code generated from its <c>.proto</c>.</summary>
public class ProtoTests
{
    [Theory]
    [InlineData(MessageKind.Binary, 0)]
    [InlineData(MessageKind.Text, 3)]
    [InlineData(MessageKind.Binary, 300)]
    [InlineData(MessageKind.Text, 20_000)]
    public void Message_WrittenByHand_IsWhatGeneratedCodeReadsAndWrites(MessageKind kind, int size)
    {
        var payload = new byte[size];
        new Random(size).NextBytes(payload);
        var frame = new CodecHarness(hasEnvelope: true).Write(new Message(payload, kind));

        var read = V1.Message.Parser.ParseFrom(frame.AsSpan(GrpcCodec.PrefixSize));

        read.Payload.ToByteArray().Should().Equal(payload);
        read.Kind.Should().Be((V1.Message.Types.Kind)kind);
        read.End.Should().BeNull();
        var back = read.ToByteArray();
        Envelope.Read(back, out var offset, out var length, out var end).Should().Be(kind);
        back.AsSpan(offset, length).ToArray().Should().Equal(payload);
        end.Should().BeNull();
    }

    [Theory]
    [InlineData(null)]
    [InlineData(ChannelCloseStatus.Normal)]
    [InlineData(ChannelCloseStatus.GoingAway)]
    [InlineData(ChannelCloseStatus.ProtocolError)]
    [InlineData(ChannelCloseStatus.MessageTooLarge)]
    [InlineData(ChannelCloseStatus.PolicyViolation)]
    [InlineData(ChannelCloseStatus.InternalError)]
    [InlineData(ChannelCloseStatus.TimedOut)]
    [InlineData(ChannelCloseStatus.ConnectionLost)]
    [InlineData(ChannelCloseStatus.Aborted)]
    public void End_WrittenByHand_IsWhatGeneratedCodeReadsAndWrites(ChannelCloseStatus? status)
    {
        var end = new EnvelopeEnd(status, status is null ? null : "Größe");

        var read = V1.Message.Parser.ParseFrom(Envelope.FrameEnd(end).AsSpan(GrpcCodec.PrefixSize)).End;

        read.Status.ToString().Should().Be(status?.ToString() ?? "HalfClosed");
        read.Description.Should().Be(end.Description ?? "");
        Envelope.Read(new V1.Message { End = read }.ToByteArray(), out _, out _, out var back);
        back.Should().Be(end);
    }
}
