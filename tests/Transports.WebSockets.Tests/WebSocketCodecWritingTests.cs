using System.Buffers;
using System.Text;

namespace Transports.WebSockets.Tests;

/// <summary>What the codec writes, read by the other side's.</summary>
public sealed class WebSocketCodecWritingTests
{
    [Theory]
    [InlineData(true, false)]
    [InlineData(false, false)]
    [InlineData(true, true)]
    [InlineData(false, true)]
    public void Write_AnySize_IsReadByTheOtherSide(bool isServer, bool compressed)
    {
        foreach (var size in new[] { 0, 1, 63, 64, 125, 126, 65_535, 65_536 })
        {
            foreach (var message in new[] { Message.FromText(new string('x', size)), new Message(Random(size)), new Message(InPieces(Random(size))) })
            {
                var bytes = CodecHarness.Write(output => CodecHarness.Create(isServer, compressed, 100_000).Write(message, output));
                CodecHarness.Read(CodecHarness.Create(!isServer, compressed, 100_000), bytes)
                    .Should().Equal($"{message.Kind} {Encoding.Latin1.GetString(message.ToArray())}");
            }
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void WriteHeader_PayloadInPlace_IsTheFrame(bool isServer)
    {
        foreach (var size in new[] { 0, 1, 125, 126, 65_535, 65_536 })
        {
            var codec = CodecHarness.Create(isServer, maxMessageSize: 100_000);
            var payload = Random(size);
            var frame = payload.ToArray();
            var header = new byte[codec.MaxHeaderSize];
            var used = codec.WriteHeader(frame, MessageKind.Binary, header);
            CodecHarness.Read(CodecHarness.Create(!isServer, maxMessageSize: 100_000), [.. header[..used], .. frame])
                .Should().Equal($"Binary {Encoding.Latin1.GetString(payload)}");
        }
    }

    [Fact]
    public void MaxHeaderSize_Compressed_IsNone()
        => CodecHarness.Create(isServer: true, compressed: true).MaxHeaderSize.Should().Be(0);

    [Fact]
    public void WriteReply_Payload_IsAPongWithIt()
        => CodecHarness.Write(static output => CodecHarness.Create(isServer: true).WriteReply("abc"u8, output)).Should().Equal(0x8A, 3, (byte)'a', (byte)'b', (byte)'c');

    [Fact]
    public void TryWritePing_Server_IsAnEmptyPing()
        => CodecHarness.Write(static output => CodecHarness.Create(isServer: true).TryWritePing(output).Should().BeTrue()).Should().Equal(0x89, 0);

    [Theory]
    [InlineData(1000)]
    [InlineData(1001)]
    [InlineData(4999)]
    [InlineData(1005)]
    public void TryWriteClose_AnAnswer_RepeatsThePeersCode(int code)
    {
        var peer = CloseCode.Describe(code, "why", isInsideMessage: false);
        CodecHarness.Write(output => CodecHarness.Create(isServer: true).TryWriteClose(peer, peer, output))
            .Should().Equal(code == 1005 ? [0x88, 0] : [0x88, 2, (byte)(code >> 8), (byte)code]);
    }

    [Fact]
    public void TryWriteClose_PeersCloseAgainstTheRules_IsAnsweredWithWhatIsWrong()
    {
        foreach (var (payload, code) in new (byte[], int)[] { ([3], 1002), ([0x03, 0xED], 1002), ([0x03, 0xE8, 0xFF], 1007) })
        {
            var peer = ClosePayload.Describe(payload, isInsideMessage: false);
            CodecHarness.Write(output => CodecHarness.Create(isServer: true).TryWriteClose(peer, peer, output))[2..4].Should().Equal((byte)(code >> 8), (byte)code);
        }
    }

    [Fact]
    public void TryWriteClose_LongDescription_IsCutBetweenCharacters()
    {
        var info = new ChannelCloseInfo(ChannelCloseStatus.Normal, IsRemote: false, new string('ř', 500));
        var bytes = CodecHarness.Write(output => CodecHarness.Create(isServer: true).TryWriteClose(info, null, output));
        Encoding.UTF8.GetString(bytes[4..]).Should().Be(new string('ř', 61));
    }

    [Fact]
    public void EndOfStream_WithoutAClose_IsALoss()
    {
        var codec = CodecHarness.Create(isServer: true);
        codec.EndOfStream(0)!.Status.Should().Be(ChannelCloseStatus.ConnectionLost);
        codec.EndWithoutClose!.Status.Should().Be(ChannelCloseStatus.ConnectionLost);
        FluentActions.Invoking(() => codec.EndOfStream(1)).Should().Throw<MessageFramingException>();
        CodecHarness.Read(codec, Frames.Masked(true, 0x01, "a"u8));
        FluentActions.Invoking(() => codec.EndOfStream(0)).Should().Throw<MessageFramingException>();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Release_MessageInTheCodecsMemory_IsGivenBackOrLeft(bool abandon)
    {
        var pool = new LeakTrackingArrayPool();
        var codec = CodecHarness.Create(isServer: true, compressed: true, pool: pool);
        CodecHarness.Read(codec, [.. Frames.Masked(true, 0x41, WebSocketDeflateTests.Deflate("inflated", final: false)), .. Frames.Masked(true, 0x80, [])])
            .Should().Equal("Text inflated");
        codec.Release(abandon);
        await pool.AssertNoLeaksAsync();
    }

    private static byte[] Random(int size)
    {
        var bytes = new byte[size];
        new Random(size).NextBytes(bytes);
        return bytes;
    }

    private static ReadOnlySequence<byte> InPieces(byte[] bytes)
    {
        var first = new Segment(bytes.AsMemory(0, bytes.Length / 3), 0);
        var last = new Segment(bytes.AsMemory(bytes.Length / 3), bytes.Length / 3);
        first.Append(last);
        return new ReadOnlySequence<byte>(first, 0, last, last.Memory.Length);
    }

    private sealed class Segment : ReadOnlySequenceSegment<byte>
    {
        public Segment(ReadOnlyMemory<byte> memory, long index)
        {
            Memory = memory;
            RunningIndex = index;
        }

        public void Append(Segment next) => Next = next;
    }
}
