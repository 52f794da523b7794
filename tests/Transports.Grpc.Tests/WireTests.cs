namespace Transports.Grpc.Tests;

public class WireTests
{
    [Theory]
    [InlineData("plain text", "plain text")]
    [InlineData("100 %", "100 %25")]
    [InlineData("ü\n€", "%C3%BC%0A%E2%82%AC")]
    public void PercentEncoding_Text_IsEncodedAndComesBack(string text, string encoded)
    {
        PercentEncoding.Encode(text).Should().Be(encoded);
        PercentEncoding.Decode(encoded).Should().Be(text);
    }

    [Theory]
    [InlineData("50% off", "50% off")]
    [InlineData("%", "%")]
    [InlineData("%zz%41", "%zzA")]
    public void PercentEncoding_BrokenEscape_StaysAsItIs(string encoded, string text)
        => PercentEncoding.Decode(encoded).Should().Be(text);

    [Theory]
    [InlineData(0.001, "1000000n")]
    [InlineData(1, "1000000u")]
    [InlineData(3600, "3600000m")]
    [InlineData(360_000_000, "6000000M")]
    public void GrpcTimeout_Seconds_IsFormattedWithEightDigitsAtMost(double seconds, string text)
    {
        GrpcTimeout.Format(TimeSpan.FromSeconds(seconds)).Should().Be(text);
        GrpcTimeout.TryParse(text, out var parsed).Should().BeTrue();
        parsed.Should().Be(TimeSpan.FromSeconds(seconds));
    }

    [Fact]
    public void Envelope_UnknownFieldsAndAnyOrder_AreRead()
    {
        // payload "ab", an unknown string, an unknown fixed64, kind TEXT, the payload again: the last one counts.
        byte[] message = [0x0A, 2, 0x61, 0x62, 0x22, 1, 0x78, 0x21, 1, 2, 3, 4, 5, 6, 7, 8, 0x10, 1, 0x0A, 1, 0x63];

        Envelope.Read(message, out var offset, out var length, out _).Should().Be(MessageKind.Text);

        message.AsSpan(offset, length).ToArray().Should().Equal(0x63);
    }

    [Theory]
    [InlineData("0A")]
    [InlineData("0A05")]
    [InlineData("0AFFFFFFFFFFFFFFFFFF01")]
    [InlineData("0B")]
    [InlineData("FFFFFFFFFFFFFFFFFFFFFF")]
    public void Envelope_Broken_IsAFramingError(string hex)
    {
        var read = () => Envelope.Read(Convert.FromHexString(hex), out _, out _, out _);
        read.Should().Throw<MessageFramingException>();
    }

    [Theory]
    [InlineData("grpc-status")]
    [InlineData("content-type")]
    [InlineData("with space")]
    [InlineData("x-bin")]
    [InlineData(":path")]
    [InlineData("Grpc-Timeout")]
    [InlineData("grpc-")]
    [InlineData("Host")]
    [InlineData("TE")]
    [InlineData("transports-close-status")]
    [InlineData("ünicode")]
    [InlineData("line\nbreak")]
    [InlineData("")]
    public void Metadata_TextUnderAForeignKey_IsRefused(string key)
    {
        var add = () => new GrpcMetadata().Add(key, "value");
        add.Should().Throw<ArgumentException>();
    }

    [Theory]
    [InlineData("line\r\nbreak")]
    [InlineData("ünicode")]
    [InlineData(" at the front")]
    [InlineData("at the end ")]
    [InlineData("tab\t")]
    public void Metadata_TextThatAHeaderCannotCarry_IsRefused(string value)
    {
        var add = () => new GrpcMetadata().Add("key", value);
        add.Should().Throw<ArgumentException>().WithMessage("*-bin*");
    }

    [Fact]
    public void Metadata_ReceivedBinaryJoinedWithCommas_IsTakenApartAndBrokenOnesAreLeftOut()
    {
        var metadata = new GrpcMetadata();
        metadata.AddReceived("a-bin", "AP8H,AQI=, AQI,,!!,A");
        metadata.AddReceived("grpc-hidden-bin", "AQI=");
        metadata.Select(static entry => Convert.ToHexString(entry.BinaryValue.Span)).Should().Equal("00FF07", "0102", "0102", "");
    }

    [Fact]
    public void Metadata_ReceivedTextWithComma_StaysWhole()
    {
        var metadata = new GrpcMetadata();
        metadata.AddReceived("When", "Mon, 23 Nov");
        metadata.GetValue("when").Should().Be("Mon, 23 Nov");
    }

    [Theory]
    [InlineData("AP8H")]
    [InlineData("AP8HAA==")]
    [InlineData("AP8HAA")]
    public void Metadata_ReceivedBinaryPaddedOrNot_IsDecoded(string value)
    {
        var metadata = new GrpcMetadata();
        metadata.AddReceived("Trace-Bin", value);
        metadata.TryGetBinaryValue("trace-bin", out var bytes).Should().BeTrue();
        bytes.Span[..3].ToArray().Should().Equal(0, 255, 7);
    }
}
