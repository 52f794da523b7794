using System.Buffers;
using System.Text;

namespace Transports.Tests.Framing;

public sealed class DelimiterFramingTests
{
    [Theory]
    [InlineData("\n", "a\nb")]
    [InlineData("\n", "\n")]
    [InlineData("\r\n", "a\r\n")]
    [InlineData("aa", "xa")]
    [InlineData("\r\n\r\n", "x\r\n")]
    [InlineData("abab", "xab")]
    public void WriteFrame_PayloadThatMakesTheDelimiter_RefusesBeforeAByteIsWritten(string delimiter, string payload)
    {
        var output = new ArrayBufferWriter<byte>();
        var framing = new DelimiterFraming(Encoding.ASCII.GetBytes(delimiter));
        var write = () => framing.WriteFrame(new ReadOnlySequence<byte>(Encoding.ASCII.GetBytes(payload)), output);

        write.Should().Throw<MessageFramingException>().WithMessage("*framing that carries the length*");
        output.WrittenCount.Should().Be(0);
    }

    [Fact]
    public void WriteFrame_CarriageReturnAtTheEndWhereReadersTrim_Refuses()
    {
        var output = new ArrayBufferWriter<byte>();
        var write = () => new DelimiterFraming("\n"u8, trimCarriageReturn: true).WriteFrame(new ReadOnlySequence<byte>("a\r"u8.ToArray()), output);

        write.Should().Throw<MessageFramingException>();
        output.WrittenCount.Should().Be(0);
    }

    [Theory]
    [InlineData(true, new[] { "a", "b", "", "c\r" })]
    [InlineData(false, new[] { "a\r", "b", "\r", "c\r\r" })]
    public void TryReadFrame_BothKindsOfLineEnd_TrimsWhereAsked(bool trim, string[] expected)
    {
        var bytes = "a\r\nb\n\r\nc\r\r\n"u8.ToArray();
        var frames = FramingHarness.Read(new DelimiterFraming("\n"u8, trim), bytes, FramingHarness.OneByOne(bytes));
        frames.Select(Encoding.ASCII.GetString).Should().Equal(expected);
    }

    [Theory]
    [InlineData("\n", false, 11)]
    [InlineData("\n", true, 12)]
    [InlineData("--end--", false, 17)]
    public void TryReadFrame_NoDelimiterOverTheLimit_GivesUpAtOnceAndNotBefore(string delimiter, bool trim, int tooMany)
    {
        var framing = new DelimiterFraming(Encoding.ASCII.GetBytes(delimiter), trim);
        var bytes = Encoding.ASCII.GetBytes(new string('x', 100));
        var decoder = (IFrameDecoder)framing.CreateDecoder(10);
        for (var length = 1; length < tooMany; length++)
        {
            decoder.TryReadFrame(bytes.AsSpan(0, length), out _, out _, out _).Should().BeFalse();
        }

        var read = () => decoder.TryReadFrame(bytes.AsSpan(0, tooMany), out _, out _, out _);
        read.Should().Throw<MessageTooLargeException>().Where(e => e.Limit == 10);
    }

    [Fact]
    public void TryReadFrame_TrimmedCarriageReturn_DoesNotCountAgainstTheLimit()
    {
        var bytes = "0123456789\r\n"u8.ToArray();
        var frames = FramingHarness.Read(new DelimiterFraming("\n"u8, trimCarriageReturn: true), bytes, FramingHarness.OneByOne(bytes), maxMessageSize: 10);
        frames.Should().ContainSingle().Which.Should().HaveCount(10);
    }

    [Fact]
    public void TryReadFrame_LongLineByteByByte_SearchesEachByteOnce()
    {
        // What was searched is not looked at again: a delimiter put there afterwards is not seen.
        var bytes = Encoding.ASCII.GetBytes(new string('x', 1000));
        var decoder = (IFrameDecoder)DelimiterFraming.Lines.CreateDecoder(2000);
        decoder.TryReadFrame(bytes.AsSpan(0, 999), out _, out _, out _).Should().BeFalse();
        bytes[500] = (byte)'\n';
        bytes[999] = (byte)'\n';

        decoder.TryReadFrame(bytes, out _, out var length, out _).Should().BeTrue();
        length.Should().Be(999);
    }

    [Fact]
    public void Constructor_EmptyOrVeryLongDelimiter_Throws()
    {
        var empty = () => new DelimiterFraming([]);
        var tooLong = () => new DelimiterFraming(new byte[1025]);
        empty.Should().Throw<ArgumentException>();
        tooLong.Should().Throw<ArgumentException>();
    }
}
