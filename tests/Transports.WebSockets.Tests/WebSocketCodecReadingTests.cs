namespace Transports.WebSockets.Tests;

/// <summary>Bytes in, messages or errors out: what the codec makes of frames, right or wrong.</summary>
public sealed class WebSocketCodecReadingTests
{
    private const int Limit = 1000;

    public static TheoryData<bool, int, long, bool> LengthsThatWrap()
    {
        var data = new TheoryData<bool, int, long, bool>();
        foreach (var isServer in new[] { true, false })
        {
            foreach (var compressed in new[] { true, false })
            {
                foreach (var before in new[] { 0, 1, 2, 14, Limit })
                {
                    foreach (var length in new[] { long.MaxValue, long.MaxValue - 1, long.MaxValue - before, long.MaxValue - before + 1, long.MaxValue - before - 1, 1L << 62, uint.MaxValue, int.MaxValue }.Distinct())
                    {
                        // Behind no bytes the sum 2^63 cannot be declared.
                        if (length > 0)
                        {
                            data.Add(isServer, before, length, compressed);
                        }
                    }
                }
            }
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(LengthsThatWrap))]
    public void Read_ContinuationOfAnyDeclaredLength_IsRefusedAtItsHeader(bool isServer, int before, long length, bool compressed)
    {
        var codec = CodecHarness.Create(isServer, compressed, Limit);
        var first = (byte)(compressed ? 0x42 : 0x02);
        FluentActions.Invoking(() => Read(codec, [.. Frames.Of(isServer, first, new byte[before]), .. Frames.Header(isServer, 0x80, length)]))
            .Should().Throw<MessageTooLargeException>()
            .Which.Size.Should().Be(before > long.MaxValue - length ? long.MaxValue : before + length);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Read_FragmentsOfExactlyTheLimit_AreOneMessage(bool isServer)
    {
        var codec = CodecHarness.Create(isServer, maxMessageSize: Limit);
        Read(codec, [.. Frames.Of(isServer, 0x02, new byte[Limit - 1]), .. Frames.Of(isServer, 0x80, new byte[1])])
            .Should().ContainSingle().Which.Length.Should().Be(Limit);
        FluentActions.Invoking(() => Read(codec, [.. Frames.Of(isServer, 0x02, new byte[Limit - 1]), .. Frames.Header(isServer, 0x80, 2)]))
            .Should().Throw<MessageTooLargeException>().Which.Size.Should().Be(Limit + 1);
    }

    [Theory]
    [InlineData(100)]
    [InlineData(16_383)]
    public void Read_CompressedMessageThatDoesNotCompress_IsJudgedByItsOwnSize(int block)
    {
        const int Megabyte = 1 << 20;
        foreach (var size in new[] { Megabyte, Megabyte + 1 })
        {
            // In stored blocks, as deflate writes what does not compress, then the beginning of an empty one (RFC 7692, section 7.2.1).
            var payload = new byte[size];
            new Random(1).NextBytes(payload);
            var compressed = new List<byte>();
            foreach (var part in payload.Chunk(block))
            {
                compressed.AddRange([0, (byte)part.Length, (byte)(part.Length >> 8), (byte)~part.Length, (byte)(~part.Length >> 8), .. part]);
            }

            var read = FluentActions.Invoking(() => Read(CodecHarness.Create(isServer: true, compressed: true, Megabyte), Frames.Of(true, 0xC2, [.. compressed, 0])));
            if (size == Megabyte)
            {
                read().Should().ContainSingle().Which.Should().Equal(payload);
            }
            else
            {
                read.Should().Throw<MessageTooLargeException>();
            }
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Read_CompressedLengthFarOverTheLimit_IsRefusedAtItsHeader(bool isServer)
        => FluentActions.Invoking(() => Read(CodecHarness.Create(isServer, compressed: true, Limit), Frames.Header(isServer, 0xC2, 2500))).Should().Throw<MessageTooLargeException>();

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Read_LengthInMoreBytesThanItNeeds_IsTakenAsItIs(bool isServer)
    {
        // RFC 6455, section 5.2, says that the fewest bytes are used; senders that do otherwise are understood, as everywhere.
        byte[] key = isServer ? [0, 0, 0, 0] : [];
        var mask = isServer ? (byte)0x80 : (byte)0;
        Read(CodecHarness.Create(isServer, maxMessageSize: Limit), [0x82, (byte)(mask | 126), 0, 1, .. key, 7, 0x82, (byte)(mask | 127), 0, 0, 0, 0, 0, 0, 0, 1, .. key, 8])
            .Should().BeEquivalentTo(new[] { new byte[] { 7 }, new byte[] { 8 } });
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Read_FramesInAnyPieces_FindsTheSame(bool isServer)
    {
        byte[] bytes =
        [
            .. Frames.Masked(isServer, 0x81, "hello"u8),
            .. Frames.Masked(isServer, 0x89, "ping"u8),
            .. Frames.Masked(isServer, 0x82, new byte[200]),
            .. Frames.Masked(isServer, 0x01, "fr"u8),
            .. Frames.Masked(isServer, 0x8A, "unasked"u8),
            .. Frames.Masked(isServer, 0x00, []),
            .. Frames.Masked(isServer, 0x80, "agment"u8),
            .. Frames.Masked(isServer, 0xC1, WebSocketDeflateTests.Deflate("inflated", final: false)),
            .. Frames.Masked(isServer, 0x82, []),
            .. Frames.Masked(isServer, 0x88, [0x03, 0xE9, (byte)'b', (byte)'y', (byte)'e']),
        ];
        string[] expected =
        [
            "Text hello", "Reply ping", "Binary " + new string('\0', 200), "Text fragment", "Text inflated", "Binary ", "Closed GoingAway 1001 bye",
        ];
        CodecHarness.Read(CodecHarness.Create(isServer, compressed: true), bytes).Should().Equal(expected);
        CodecHarness.Read(CodecHarness.Create(isServer, compressed: true), bytes, Enumerable.Range(1, bytes.Length)).Should().Equal(expected);
        for (var split = 1; split < bytes.Length; split++)
        {
            CodecHarness.Read(CodecHarness.Create(isServer, compressed: true), bytes, [split]).Should().Equal(expected);
        }
    }

    [Theory]
    [InlineData(0x83, 1)]
    [InlineData(0x80, 1)]
    [InlineData(0xC2, 1)]
    [InlineData(0x82, 1001)]
    [InlineData(0x89, 126)]
    [InlineData(0x81, 2)] // the payload is no UTF-8
    [InlineData(0x88, 1)]
    public void Read_FaultBehindMessages_IsToldBehindThem(byte first, int length)
    {
        var payload = new byte[length];
        payload[0] = 0xC3;
        byte[] bytes = [.. Frames.Masked(true, 0x82, [1]), .. Frames.Masked(true, 0x82, [2, 3]), .. Frames.Masked(true, first, payload)];
        var codec = CodecHarness.Create(isServer: true, maxMessageSize: Limit);
        var found = new List<string>();
        FluentActions.Invoking(() => CodecHarness.Read(codec, bytes, [], found)).Should().Throw<TransportException>()
            .Which.Should().Match(e => e is MessageFramingException || e is MessageTooLargeException);
        found.Should().Equal("Binary \u0001", "Binary \u0002\u0003");
    }

    [Fact]
    public void Read_TextThatIsNotUtf8BehindAMessage_IsLeftAsItCame()
    {
        byte[] bytes = [.. Frames.Masked(true, 0x82, [1]), .. Frames.Masked(true, 0x81, [0xC3, 0x28])];
        var input = bytes.ToArray();
        var read = CodecHarness.NewRead();
        CodecHarness.Create(isServer: true).Read(input, ref read).Should().Be(ReadStatus.Messages);
        read.Count.Should().Be(1);
        input[read.Consumed..].Should().Equal(bytes[read.Consumed..]);
    }

    [Fact]
    public void Read_MoreMessagesThanTheTableTakes_TakesTheOthersInTheNextCall()
    {
        var bytes = Enumerable.Range(0, CodecRead.MaxMessages + 1).SelectMany(i => Frames.Masked(true, 0x82, [(byte)i])).ToArray();
        var codec = CodecHarness.Create(isServer: true);
        var read = CodecHarness.NewRead();
        codec.Read(bytes, ref read).Should().Be(ReadStatus.Messages);
        read.Count.Should().Be(CodecRead.MaxMessages);
        var rest = bytes.AsMemory(read.Consumed);
        read.Clear(scanned: 0);
        codec.Read(rest, ref read).Should().Be(ReadStatus.Messages);
        read.Count.Should().Be(1);
    }

    [Fact]
    public void Read_PingThatWasScanned_IsPassedOver()
    {
        byte[] ping = Frames.Masked(true, 0x89, "a"u8);
        byte[] bytes = [.. ping, .. Frames.Masked(true, 0x89, "b"u8)];
        var codec = CodecHarness.Create(isServer: true);
        var read = CodecHarness.NewRead();

        // Of the second one the last byte was not seen, so it is still to be answered.
        read.Clear(scanned: bytes.Length - 1);
        codec.Read(bytes, ref read).Should().Be(ReadStatus.Reply);
        read.Reply.ToArray().Should().Equal("b"u8.ToArray());
        read.Consumed.Should().Be(bytes.Length);

        read.Clear(scanned: ping.Length);
        codec.Read(Frames.Masked(true, 0x89, "a"u8), ref read).Should().Be(ReadStatus.NeedMore);
        read.Consumed.Should().Be(ping.Length);
    }

    [Fact]
    public void Read_UnfinishedFrame_SaysHowMuchIsMissing()
    {
        var bytes = Frames.Masked(true, 0x82, new byte[500]);
        var read = CodecHarness.NewRead();
        CodecHarness.Create(isServer: true).Read(bytes.AsMemory(0, 100), ref read).Should().Be(ReadStatus.NeedMore);
        read.Consumed.Should().Be(0);
        read.BytesNeeded.Should().Be(bytes.Length - 100);
    }

    // All messages out of bytes that have arrived at once.
    private static List<byte[]> Read(WebSocketCodec codec, byte[] bytes)
    {
        var messages = new List<byte[]>();
        CodecHarness.Read(codec, bytes, [], [], messages);
        return messages;
    }
}
