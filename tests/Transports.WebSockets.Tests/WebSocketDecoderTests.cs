using System.Buffers;
using System.Buffers.Binary;

namespace Transports.Tests;

/// <summary>Bytes in, messages or errors out: what the decoder makes of frames, right or wrong.</summary>
public sealed class WebSocketDecoderTests
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
    public void TryReadFrame_ContinuationOfAnyDeclaredLength_IsRefusedAtItsHeader(bool isServer, int before, long length, bool compressed)
    {
        var decoder = CreateDecoder(isServer, compressed);
        var first = (byte)(compressed ? 0x42 : 0x02);
        FluentActions.Invoking(() => Read(decoder, [.. Frame(isServer, first, new byte[before]), .. Header(isServer, 0x80, length)]))
            .Should().Throw<MessageTooLargeException>()
            .Which.Size.Should().Be(before > long.MaxValue - length ? long.MaxValue : before + length);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void TryReadFrame_FragmentsOfExactlyTheLimit_AreOneMessage(bool isServer)
    {
        var decoder = CreateDecoder(isServer);
        Read(decoder, [.. Frame(isServer, 0x02, new byte[Limit - 1]), .. Frame(isServer, 0x80, new byte[1])])
            .Should().ContainSingle().Which.Length.Should().Be(Limit);
        FluentActions.Invoking(() => Read(decoder, [.. Frame(isServer, 0x02, new byte[Limit - 1]), .. Header(isServer, 0x80, 2)]))
            .Should().Throw<MessageTooLargeException>().Which.Size.Should().Be(Limit + 1);
    }

    [Theory]
    [InlineData(100)]
    [InlineData(16_383)]
    public void TryReadFrame_CompressedMessageThatDoesNotCompress_IsJudgedByItsOwnSize(int block)
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

            var read = FluentActions.Invoking(() => Read(CreateDecoder(isServer: true, compressed: true, Megabyte), Frame(true, 0xC2, [.. compressed, 0])));
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
    public void TryReadFrame_CompressedLengthFarOverTheLimit_IsRefusedAtItsHeader(bool isServer)
        => FluentActions.Invoking(() => Read(CreateDecoder(isServer, compressed: true), Header(isServer, 0xC2, 2500))).Should().Throw<MessageTooLargeException>();

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void TryReadFrame_LengthInMoreBytesThanItNeeds_IsTakenAsItIs(bool isServer)
    {
        // RFC 6455, section 5.2, says that the fewest bytes are used; senders that do otherwise are understood, as everywhere.
        byte[] key = isServer ? [0, 0, 0, 0] : [];
        var mask = isServer ? (byte)0x80 : (byte)0;
        Read(CreateDecoder(isServer), [0x82, (byte)(mask | 126), 0, 1, .. key, 7, 0x82, (byte)(mask | 127), 0, 0, 0, 0, 0, 0, 0, 1, .. key, 8])
            .Should().BeEquivalentTo(new[] { new byte[] { 7 }, new byte[] { 8 } });
    }

    internal static WebSocketDecoder CreateDecoder(bool isServer, bool compressed = false, int limit = Limit)
        => (WebSocketDecoder)new WebSocketFraming(isServer, compressed ? WebSocketDeflateAgreement.Default : null, ArrayPool<byte>.Shared).CreateDecoder(limit);

    /// <summary>Reads all messages out of bytes that have arrived at once.</summary>
    internal static List<byte[]> Read(WebSocketDecoder decoder, byte[] bytes)
    {
        var messages = new List<byte[]>();
        var buffer = new ReadOnlySequence<byte>(bytes);
        while (decoder.TryReadFrame(ref buffer, out var payload))
        {
            messages.Add(payload.ToArray());
        }

        return messages;
    }

    /// <summary>A frame of a peer: masked, with a key of zeros, when this side is the server.</summary>
    internal static byte[] Frame(bool isServer, byte first, byte[] payload) => [.. Header(isServer, first, payload.Length), .. payload];

    private static byte[] Header(bool isServer, byte first, long length)
    {
        var mask = isServer ? 0x80 : 0;
        var bytes = new List<byte> { first };
        if (length < 126)
        {
            bytes.Add((byte)(mask | (int)length));
        }
        else if (length <= ushort.MaxValue)
        {
            bytes.AddRange([(byte)(mask | 126), (byte)(length >> 8), (byte)length]);
        }
        else
        {
            var wide = new byte[8];
            BinaryPrimitives.WriteInt64BigEndian(wide, length);
            bytes.AddRange([(byte)(mask | 127), .. wide]);
        }

        return isServer ? [.. bytes, 0, 0, 0, 0] : [.. bytes];
    }
}
