namespace Transports.Tests.Framing;

public sealed class VarintFramingTests
{
    // From the encoding guide of protobuf, and the edges of each length. writeDelimitedTo itself is asked in Transports.Protobuf.Tests.
    [Theory]
    [InlineData(0, new byte[] { 0x00 })]
    [InlineData(1, new byte[] { 0x01 })]
    [InlineData(127, new byte[] { 0x7F })]
    [InlineData(128, new byte[] { 0x80, 0x01 })]
    [InlineData(150, new byte[] { 0x96, 0x01 })]
    [InlineData(16_383, new byte[] { 0xFF, 0x7F })]
    [InlineData(16_384, new byte[] { 0x80, 0x80, 0x01 })]
    [InlineData(2_097_151, new byte[] { 0xFF, 0xFF, 0x7F })]
    [InlineData(2_097_152, new byte[] { 0x80, 0x80, 0x80, 0x01 })]
    [InlineData(268_435_455, new byte[] { 0xFF, 0xFF, 0xFF, 0x7F })]
    [InlineData(268_435_456, new byte[] { 0x80, 0x80, 0x80, 0x80, 0x01 })]
    public void WriteHeader_Length_IsTheShortestVarint(int length, byte[] expected)
    {
        var header = new byte[5];
        var count = VarintFraming.Default.WriteHeader(length, header);
        header[..count].Should().Equal(expected);
    }

    [Theory]
    [InlineData(new byte[] { 0x80, 0x00 })]
    [InlineData(new byte[] { 0x81, 0x80, 0x00 })]
    [InlineData(new byte[] { 0xFF, 0xFF, 0xFF, 0xFF, 0x08 })]
    [InlineData(new byte[] { 0xFF, 0xFF, 0xFF, 0xFF, 0x0F })]
    [InlineData(new byte[] { 0x80, 0x80, 0x80, 0x80, 0x80 })]
    [InlineData(new byte[] { 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01 })]
    [InlineData(new byte[] { 0x80, 0x80, 0x80, 0x80, 0x00 })]
    public void TryReadFrame_OverlongOrHostileVarint_Refuses(byte[] bytes)
    {
        var read = () => FramingHarness.Read(VarintFraming.Default, bytes, FramingHarness.OneByOne(bytes), int.MaxValue);
        read.Should().Throw<MessageFramingException>();
    }

    [Fact]
    public void TryReadFrame_LargestVarintOf31Bits_IsTooLarge()
    {
        var decoder = (IFrameDecoder)VarintFraming.Default.CreateDecoder(int.MaxValue);
        var read = () => decoder.TryReadFrame([0xFF, 0xFF, 0xFF, 0xFF, 0x07], out _, out _, out _);
        read.Should().Throw<MessageTooLargeException>().Where(e => e.Size == int.MaxValue);
    }

    [Fact]
    public void BytesNeeded_AsBytesArrive_IsUnknownAndThenExact()
    {
        var decoder = (IFrameDecoder)VarintFraming.Default.CreateDecoder(1000);

        decoder.TryReadFrame([0x96], out _, out _, out _).Should().BeFalse();
        decoder.BytesNeeded.Should().Be(0);
        decoder.TryReadFrame([0x96, 0x01, 1], out _, out _, out _).Should().BeFalse();
        decoder.BytesNeeded.Should().Be(149);
    }
}
