using System.Buffers;

namespace Transports.Tests.Framing;

public sealed class FixedLengthFramingTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    [InlineData(5)]
    public void WriteFrame_OtherLength_RefusesBeforeAByteIsWritten(int length)
    {
        var output = new ArrayBufferWriter<byte>();
        var write = () => new FixedLengthFraming(4).WriteFrame(new ReadOnlySequence<byte>(new byte[length]), output);

        write.Should().Throw<MessageFramingException>().WithMessage($"*{length} bytes*4*");
        output.WrittenCount.Should().Be(0);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(int.MaxValue)]
    public void Constructor_ImpossibleLength_Throws(int length)
    {
        var construct = () => new FixedLengthFraming(length);
        construct.Should().Throw<ArgumentOutOfRangeException>();
    }

    [Fact]
    public void BytesNeeded_PartOfAFrame_IsTheRest()
    {
        var decoder = (IFrameDecoder)new FixedLengthFraming(10).CreateDecoder(10);
        decoder.TryReadFrame([1, 2, 3], out _, out _, out _).Should().BeFalse();
        decoder.BytesNeeded.Should().Be(7);
    }
}
