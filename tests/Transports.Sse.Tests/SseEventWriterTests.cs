using System.Buffers;
using System.Text;

namespace Transports.Sse.Tests;

public sealed class SseEventWriterTests
{
    [Theory]
    [InlineData("")]
    [InlineData("hello")]
    [InlineData(" leading space")]
    [InlineData("two\nlines")]
    [InlineData("\n")]
    [InlineData("ends\n")]
    [InlineData("\n\nbegins")]
    [InlineData("carriage\rreturn")]
    [InlineData("both\r\nof them")]
    [InlineData(":comment")]
    [InlineData("data: x")]
    [InlineData("\0")]
    [InlineData("\uFEFFmark")]
    [InlineData("žluťoučký 🐎")]
    public void Write_Text_IsReadBackTheSame(string text)
    {
        var message = RoundTrip(Encoding.UTF8.GetBytes(text), MessageKind.Text);
        Encoding.UTF8.GetString(message.Payload).Should().Be(text);
        message.Kind.Should().Be(MessageKind.Text);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(1000)]
    public void Write_Binary_IsReadBackTheSame(int size)
    {
        var payload = new byte[size];
        new Random(1).NextBytes(payload);
        var message = RoundTrip(payload, MessageKind.Binary);
        message.Payload.Should().Equal(payload);
        message.Kind.Should().Be(MessageKind.Binary);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(17)]
    [InlineData(18)]
    [InlineData(1000)]
    public void Write_PostedTextOfLines_IsNoLongerThanAsBase64(int lineLength)
    {
        var text = string.Concat(Enumerable.Repeat(new string('x', lineLength - 1) + "\n", 3000));
        var payload = Encoding.UTF8.GetBytes(text);
        var output = new ArrayBufferWriter<byte>();
        SseEventWriter.Write(output, new ReadOnlySequence<byte>(payload), MessageKind.Text, isPosted: true);
        ((long)output.WrittenCount).Should().BeLessThanOrEqualTo(SseWire.EncodedSize(payload.Length) + 64);
        var message = new EventReader(isOwn: true, maxMessageSize: 4 * 1024 * 1024).Feed(output.WrittenSpan).Messages.Should().ContainSingle().Subject;
        message.Payload.Should().Equal(payload);
        message.Kind.Should().Be(MessageKind.Text);
    }

    private static (byte[] Payload, MessageKind Kind) RoundTrip(byte[] payload, MessageKind kind)
    {
        var output = new ArrayBufferWriter<byte>();
        SseEventWriter.Write(output, new ReadOnlySequence<byte>(payload), kind);
        return new EventReader(isOwn: true).Feed(output.WrittenSpan, piece: 3).Messages.Should().ContainSingle().Subject;
    }
}
