using System.Buffers;

namespace Transports.Tests.Framing;

public sealed class LengthPrefixedFramingTests
{
    [Theory]
    [InlineData(1, false, new byte[] { 3 })]
    [InlineData(2, false, new byte[] { 0, 3 })]
    [InlineData(2, true, new byte[] { 3, 0 })]
    [InlineData(4, false, new byte[] { 0, 0, 0, 3 })]
    [InlineData(4, true, new byte[] { 3, 0, 0, 0 })]
    public void WriteFrame_ThreeBytes_PutsTheLengthInFront(int size, bool littleEndian, byte[] prefix)
        => FramingHarness.Write(new LengthPrefixedFraming(size, littleEndian), [7, 8, 9]).Should().Equal([.. prefix, 7, 8, 9]);

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    [InlineData(8)]
    public void Constructor_OtherSize_Throws(int size)
    {
        var construct = () => new LengthPrefixedFraming(size);
        construct.Should().Throw<ArgumentOutOfRangeException>().WithMessage("*1, 2 or 4*");
    }

    [Theory]
    [InlineData(1, 256)]
    [InlineData(2, 65_536)]
    public void WriteFrame_LongerThanThePrefixCounts_RefusesBeforeAByteIsWritten(int size, int length)
    {
        var output = new ArrayBufferWriter<byte>();
        var write = () => new LengthPrefixedFraming(size).WriteFrame(new ReadOnlySequence<byte>(new byte[length]), output);

        write.Should().Throw<MessageFramingException>();
        output.WrittenCount.Should().Be(0);
    }

    [Fact]
    public void TryReadFrame_HostileLengths_RefusesBeforeTheBody()
    {
        foreach (var header in (byte[][])[[0xFF, 0xFF, 0xFF, 0xFF], [0x80, 0, 0, 0], [0x7F, 0xFF, 0xFF, 0xFF], [0, 0x10, 0, 1]])
        {
            var read = () => FramingHarness.Read(LengthPrefixedFraming.Default, header, [], 0x10_0000);
            read.Should().Throw<MessageTooLargeException>();
        }
    }

    [Fact]
    public void TryReadFrame_LargestLimitAndLength_NeitherOverflowsNorSucceeds()
    {
        var decoder = (IFrameDecoder)LengthPrefixedFraming.Default.CreateDecoder(int.MaxValue);
        var read = () => decoder.TryReadFrame([0x7F, 0xFF, 0xFF, 0xFF, 1, 2, 3], out _, out _, out _);
        read.Should().Throw<MessageTooLargeException>();
    }

    [Fact]
    public void BytesNeeded_AsBytesArrive_IsUnknownAndThenExact()
    {
        var decoder = (IFrameDecoder)LengthPrefixedFraming.Default.CreateDecoder(100);

        decoder.TryReadFrame([0, 0, 0], out _, out _, out _).Should().BeFalse();
        decoder.BytesNeeded.Should().Be(0);
        decoder.TryReadFrame([0, 0, 0, 9], out _, out _, out _).Should().BeFalse();
        decoder.BytesNeeded.Should().Be(9);
        decoder.TryReadFrame([0, 0, 0, 9, 1, 2], out _, out _, out _).Should().BeFalse();
        decoder.BytesNeeded.Should().Be(7);
    }

    [Fact]
    public void WriteHeader_NegativeLength_Throws()
    {
        var write = () => LengthPrefixedFraming.Default.WriteHeader(-1, new byte[4]);
        write.Should().Throw<ArgumentOutOfRangeException>();
    }
}
