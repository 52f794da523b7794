using System.Buffers;
using FsCheck;
using FsCheck.Fluent;

namespace Transports.Tests.Framing;

/// <summary>What every framing keeps: what was written is read, however the bytes arrive.</summary>
public sealed class AllFramingsTests
{
    private static readonly (IMessageFraming Framing, Func<byte[], byte[]> Fit)[] All =
    [
        (new LengthPrefixedFraming(1), bytes => bytes.Length > 255 ? bytes[..255] : bytes),
        (new LengthPrefixedFraming(2), bytes => bytes),
        (new LengthPrefixedFraming(2, littleEndian: true), bytes => bytes),
        (LengthPrefixedFraming.Default, bytes => bytes),
        (new LengthPrefixedFraming(4, littleEndian: true), bytes => bytes),
        (VarintFraming.Default, bytes => bytes),
        (ContentLengthFraming.Default, bytes => bytes),
        (new ContentLengthFraming("application/vscode-jsonrpc; charset=utf-8"), bytes => bytes),
        (new FixedLengthFraming(1), bytes => bytes is [var first, ..] ? [first] : [7]),
        (new FixedLengthFraming(5), bytes => [.. bytes.Concat(new byte[5]).Take(5)]),
        (DelimiterFraming.Lines, bytes => [.. bytes.Where(b => b != '\n')]),
        (new DelimiterFraming("\n"u8, trimCarriageReturn: true), bytes => [.. bytes.Where(b => b is not ((byte)'\n' or (byte)'\r'))]),
        (new DelimiterFraming("\r\n\r\n"u8), bytes => [.. bytes.Where(b => b != '\r')]),
        (new DelimiterFraming("aab"u8), bytes => [.. bytes.Where(b => b != 'b')]),
    ];

    public static TheoryData<int> Indexes => [.. Enumerable.Range(0, All.Length)];

    public static TheoryData<int> HeaderIndexes => [.. Enumerable.Range(0, All.Length).Where(index => All[index].Framing is IPrefixFraming)];

    [Theory]
    [MemberData(nameof(Indexes))]
    public void TryReadFrame_AnyPayloadsInAnyPieces_GivesThePayloadsBack(int index)
    {
        var (framing, fit) = All[index];
        var bytes = ArbMap.Default.GeneratorFor<byte>();

        // Half of all bytes from a small set, so that parts of delimiters, zeros and set top bits are met often.
        var telling = Gen.OneOf(bytes, Gen.Elements((byte)'a', (byte)'b', (byte)'\r', (byte)'\n', (byte)0, (byte)0x80, (byte)0xFF));
        var payload = telling.ArrayOf().Select(fit);
        var cases =
            from payloads in payload.ArrayOf()
            from splits in Gen.Choose(1, 500).ArrayOf()
            select (payloads, splits);

        Prop.ForAll(cases.ToArbitrary(), testCase =>
        {
            var (payloads, splits) = testCase;
            var written = FramingHarness.Write(framing, payloads);
            if (written.Length == 0)
            {
                return true;
            }

            return Same(FramingHarness.Read(framing, written, splits), payloads)
                && Same(FramingHarness.Read(framing, written, FramingHarness.OneByOne(written)), payloads)
                && Same(FramingHarness.ReadThroughCodec(framing, written, splits), payloads);
        }).QuickCheckThrowOnFailure();
    }

    [Theory]
    [MemberData(nameof(Indexes))]
    public void WriteFrame_PayloadInPieces_WritesTheSameBytes(int index)
    {
        var (framing, fit) = All[index];
        var payload = fit([.. Enumerable.Range(0, 200).Select(i => (byte)i)]);
        var output = new ArrayBufferWriter<byte>();

        framing.WriteFrame(FramingHarness.Segments(payload, [1, 2, 50, 51, 120]), output);

        output.WrittenSpan.ToArray().Should().Equal(FramingHarness.Write(framing, payload));
    }

    [Theory]
    [MemberData(nameof(Indexes))]
    public void TryReadFrame_PayloadOfTheMaximumAndOneMore_TakesTheFirstAndRefusesTheSecond(int index)
    {
        var (framing, fit) = All[index];
        var payload = fit([.. Enumerable.Repeat((byte)'x', 65_000)]);
        var written = FramingHarness.Write(framing, payload);

        var frames = FramingHarness.Read(framing, written, [], payload.Length);
        var refused = () => FramingHarness.Read(framing, written, [], payload.Length - 1);

        frames.Should().ContainSingle().Which.Should().Equal(payload);
        refused.Should().Throw<MessageTooLargeException>().Where(e => e.Size == payload.Length && e.Limit == payload.Length - 1);
    }

    [Theory]
    [MemberData(nameof(HeaderIndexes))]
    public void WriteHeader_OfAHeaderFraming_IsWhatWriteFramePutsInFront(int index)
    {
        var (framing, fit) = All[index];
        var headers = (IPrefixFraming)framing;
        var payload = fit(new byte[300]);
        var header = new byte[headers.MaxHeaderSize];

        var count = headers.WriteHeader(payload.Length, header);

        FramingHarness.Write(framing, payload).Should().Equal([.. header[..count], .. payload]);
    }

    [Theory]
    [MemberData(nameof(Indexes))]
    public void TryReadFrame_SteadyState_AllocatesNothing(int index)
    {
        var (framing, fit) = All[index];
        var written = FramingHarness.Write(framing, fit([.. "some payload"u8]));
        var decoder = framing.CreateDecoder(1024);
        decoder.TryReadFrame(written, out _, out _, out _).Should().BeTrue();

        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 100; i++)
        {
            for (var length = 1; length <= written.Length; length++)
            {
                decoder.TryReadFrame(written.AsSpan(0, length), out _, out _, out _);
            }
        }

        (GC.GetAllocatedBytesForCurrentThread() - before).Should().Be(0);
    }

    [Theory]
    [MemberData(nameof(Indexes))]
    public void TryReadFrame_RandomBytes_EndsInFramesOrAnExceptionOfItsOwn(int index)
    {
        var framing = All[index].Framing;
        Prop.ForAll(ArbMap.Default.ArbFor<byte[]>(), bytes =>
        {
            try
            {
                ReadOnlySpan<byte> buffer = bytes;
                var decoder = framing.CreateDecoder(64);
                while (decoder.TryReadFrame(buffer, out _, out var length, out var consumed))
                {
                    if (length > 64)
                    {
                        return false;
                    }

                    buffer = buffer[consumed..];
                }

                return true;
            }
            catch (TransportException e) when (e is MessageFramingException or MessageTooLargeException)
            {
                return true;
            }
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void CreateDecoder_NegativeLimit_Throws()
    {
        foreach (var (framing, _) in All)
        {
            var create = () => framing.CreateDecoder(-1);
            create.Should().Throw<ArgumentOutOfRangeException>(framing.Name);
        }
    }

    [Fact]
    public void Name_OfEach_TellsThemApart()
        => All.Select(entry => entry.Framing.Name).Distinct().Should().HaveCountGreaterThanOrEqualTo(All.Length - 2);

    private static bool Same(List<byte[]> read, byte[][] written)
        => read.Count == written.Length && read.Zip(written).All(pair => pair.First.AsSpan().SequenceEqual(pair.Second));
}
