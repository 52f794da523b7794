namespace Transports.Grpc.Tests;

/// <summary>Bytes in, messages and ends out, without a channel.</summary>
public class GrpcCodecTests
{
    private static readonly byte[] s_close = Envelope.FrameEnd(new EnvelopeEnd(ChannelCloseStatus.GoingAway, "bye"));
    private static readonly byte[] s_halfClose = Envelope.FrameEnd(EnvelopeEnd.HalfClose);

    public static TheoryData<bool, bool, int> Pieces
    {
        get
        {
            var data = new TheoryData<bool, bool, int>();
            foreach (var piece in new[] { 1, 2, 3, 7, 100, 1_000_000 })
            {
                data.Add(false, false, piece);
                data.Add(true, false, piece);
                data.Add(false, true, piece);
                data.Add(true, true, piece);
            }

            return data;
        }
    }

    [Theory, MemberData(nameof(Pieces))]
    public void Read_MessagesOfAnySizeInAnyPieces_AreThoseWritten(bool hasEnvelope, bool gzip, int piece)
    {
        var harness = new CodecHarness(hasEnvelope: hasEnvelope, gzip: gzip, threshold: 100);
        var messages = new List<Message>();
        foreach (var size in new[] { 0, 1, 99, 100, 127, 128, 300, 2000 })
        {
            messages.Add(new Message(new byte[size], MessageKind.Text));
            messages.Add(new Message(System.Security.Cryptography.RandomNumberGenerator.GetBytes(size)));
        }

        var bytes = harness.Write([.. messages]);
        var found = new List<(byte[] Payload, MessageKind Kind)>();
        harness.ReadAll(bytes, piece, found).Should().Be(ReadStatus.NeedMore);

        found.Should().HaveCount(messages.Count);
        for (var i = 0; i < found.Count; i++)
        {
            found[i].Payload.Should().Equal(messages[i].ToArray());
            found[i].Kind.Should().Be(hasEnvelope ? messages[i].Kind : MessageKind.Binary);
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(127)]
    [InlineData(128)]
    [InlineData(16_384)]
    [InlineData(3_000_000)]
    public void WriteHeader_InPlace_IsTheFrameThatWriteMakes(int size)
    {
        var harness = new CodecHarness(hasEnvelope: true, maxMessageSize: size);
        var payload = new byte[size];
        var header = new byte[harness.Codec.MaxHeaderSize];

        var length = harness.Codec.WriteHeader(payload, MessageKind.Text, header);

        harness.Write(new Message(payload, MessageKind.Text)).Should().Equal([.. header[..length], .. payload]);
    }

    [Fact]
    public void Read_UnfinishedMessage_SaysHowMuchIsMissing()
    {
        var harness = new CodecHarness();
        harness.Read([0, 0, 0]).Should().Be((ReadStatus.NeedMore, 0));
        harness.BytesNeeded.Should().Be(0);
        harness.Read([0, 0, 0, 0, 10, 1, 2]).Should().Be((ReadStatus.NeedMore, 0));
        harness.BytesNeeded.Should().Be(8);
    }

    [Theory]
    [InlineData("02 00000000")]
    [InlineData("01 00000001 00")]
    [InlineData("00 00FFFFFF")]
    [InlineData("00 FFFFFFFF")]
    [InlineData("00 00000001 0A")]
    public void Read_FaultBehindMessages_ComesInTheNextCallAgainAndAgain(string fault)
    {
        var harness = new CodecHarness(hasEnvelope: true, received: "identity");
        var good = harness.Write(new Message(new byte[3]));
        byte[] bad = Convert.FromHexString(fault.Replace(" ", "", StringComparison.Ordinal));
        var found = new List<(byte[] Payload, MessageKind Kind)>();

        harness.Read([.. good, .. good, .. bad], found).Should().Be((ReadStatus.Messages, 2 * good.Length));

        found.Should().HaveCount(2);
        for (var i = 0; i < 2; i++)
        {
            var read = () => harness.Read(bad);
            read.Should().Throw<Exception>().Where(static e => e is MessageFramingException || e is MessageTooLargeException);
        }
    }

    [Theory]
    [InlineData(false, 1)]
    [InlineData(true, 1)]
    [InlineData(false, 1_000)]
    [InlineData(true, 1_000)]
    public void Read_EndBehindMessages_ComesInACallOfItsOwn(bool isClose, int piece)
    {
        var harness = new CodecHarness(hasEnvelope: true);
        var bytes = harness.Write(new Message(new byte[] { 7 }), new Message(new byte[2000]));
        var found = new List<(byte[] Payload, MessageKind Kind)>();

        var status = harness.ReadAll([.. bytes, .. isClose ? s_close : s_halfClose], piece, found);

        status.Should().Be(isClose ? ReadStatus.Closed : ReadStatus.EndOfInput);
        found.Should().HaveCount(2);
        harness.Close.Should().BeEquivalentTo(isClose ? new { Status = ChannelCloseStatus.GoingAway, IsRemote = true, Description = "bye" } : null);
    }

    [Fact]
    public void Read_EndThatIsCompressed_IsAnEnd()
    {
        var harness = new CodecHarness(hasEnvelope: true, gzip: true);
        harness.Read(GzipFrame.Of(s_close[GrpcCodec.PrefixSize..])).Status.Should().Be(ReadStatus.Closed);
        harness.Close!.Status.Should().Be(ChannelCloseStatus.GoingAway);
    }

    [Fact]
    public void Read_ServersEndWithAStatus_IsOnlyTheEndOfItsMessages()
        => new CodecHarness(ChannelSide.Client, hasEnvelope: true).Read(s_close).Status.Should().Be(ReadStatus.EndOfInput, "a server's status is in its trailers");

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    [InlineData(6)]
    [InlineData(5_000)]
    public void Scan_CloseBehindMessages_IsFoundInAnyPieces(int piece)
    {
        var harness = new CodecHarness(hasEnvelope: true, gzip: true, threshold: 1500);
        var bytes = harness.Write(new Message(new byte[1000]), new Message(new byte[2000]), new Message(default(ReadOnlyMemory<byte>)), new Message(new byte[1]));

        harness.Scan([.. bytes, .. s_halfClose], piece).Should().Be(ReadStatus.NeedMore);
        harness.Scan([.. bytes, .. s_close, .. bytes], piece).Should().Be(ReadStatus.Closed);
        harness.Close.Should().BeEquivalentTo(new { Status = ChannelCloseStatus.GoingAway, IsRemote = true, Description = "bye" });
    }

    [Theory]
    [InlineData("00 00000003 1A0863 00 FFFFFFFF 1A")]
    [InlineData("FF FFFFFFFF 1A 00")]
    [InlineData("00 00000002 1A05 00 00000000 01 00000001")]
    public void Scan_Garbage_IsSteppedOver(string hex)
    {
        var bytes = Convert.FromHexString(hex.Replace(" ", "", StringComparison.Ordinal));
        for (var piece = 1; piece <= bytes.Length; piece++)
        {
            new CodecHarness(hasEnvelope: true).Scan(bytes, piece).Should().Be(ReadStatus.NeedMore);
        }
    }

    [Theory]
    [InlineData(ChannelSide.Client, true, ChannelCloseStatus.GoingAway, null, true)]
    [InlineData(ChannelSide.Client, true, ChannelCloseStatus.Normal, "done", true)]
    [InlineData(ChannelSide.Client, true, ChannelCloseStatus.Normal, null, false)]
    [InlineData(ChannelSide.Client, false, ChannelCloseStatus.GoingAway, null, false)]
    [InlineData(ChannelSide.Server, true, ChannelCloseStatus.GoingAway, null, false)]
    public void TryWriteClose_OnlyWhatTheCallsOwnEndDoesNotSay(ChannelSide side, bool hasEnvelope, ChannelCloseStatus status, string? description, bool expected)
    {
        var (written, bytes) = new CodecHarness(side, hasEnvelope).WriteClose(status, description);

        written.Should().Be(expected);
        bytes.Should().Equal(expected ? Envelope.FrameEnd(new EnvelopeEnd(status, description)) : []);
    }

    [Fact]
    public void MaxHeaderSize_WhereMessagesAreCompressed_IsNone()
    {
        new CodecHarness(gzip: true).Codec.MaxHeaderSize.Should().Be(0, "a payload serialized in place would go out as it is");
        new CodecHarness().Codec.MaxHeaderSize.Should().Be(5);
        new CodecHarness(hasEnvelope: true).Codec.MaxHeaderSize.Should().Be(13);
    }
}
