using System.Text;

namespace Transports.Tests.Framing;

public sealed class ContentLengthFramingTests
{
    [Fact]
    public void WriteFrame_Default_IsTheBlockOfTheSpecification()
        => Encoding.ASCII.GetString(FramingHarness.Write(ContentLengthFraming.Default, "hello"u8.ToArray()))
            .Should().Be("Content-Length: 5\r\n\r\nhello");

    [Fact]
    public void WriteFrame_WithContentType_WritesIt()
        => Encoding.ASCII.GetString(FramingHarness.Write(new ContentLengthFraming("application/vscode-jsonrpc; charset=utf-8"), "hello"u8.ToArray()))
            .Should().Be("Content-Length: 5\r\nContent-Type: application/vscode-jsonrpc; charset=utf-8\r\n\r\nhello");

    [Theory]
    [InlineData("content-length: 2\r\n\r\n")]
    [InlineData("CONTENT-LENGTH:2\r\n\r\n")]
    [InlineData("Content-Length:   2  \r\n\r\n")]
    [InlineData("Content-Length: 0002\r\n\r\n")]
    [InlineData("Content-Type: application/vscode-jsonrpc; charset=utf-8\r\nContent-Length: 2\r\n\r\n")]
    [InlineData("Content-Length: 2\r\nContent-Type: application/json; charset=\"UTF8\"; x=y\r\n\r\n")]
    [InlineData("Content-Length: 2\r\nContent-Type: application/json\r\n\r\n")]
    [InlineData("X-Other: anything: at all\r\nContent-Length: 2\r\n\r\n")]
    public void TryReadFrame_WellFormedBlock_IsRead(string block)
    {
        var bytes = Encoding.ASCII.GetBytes(block + "hi" + block + "ho");
        var frames = FramingHarness.Read(ContentLengthFraming.Default, bytes, FramingHarness.OneByOne(bytes));
        frames.Select(Encoding.ASCII.GetString).Should().Equal("hi", "ho");
    }

    [Theory]
    [InlineData("\r\n\r\n")]
    [InlineData("Content-Type: a\r\n\r\n")]
    [InlineData("Content-Length: 2\r\nContent-Length: 2\r\n\r\n")]
    [InlineData("Content-Length: 2\r\nContent-Type: a\r\nContent-Type: a\r\n\r\n")]
    [InlineData("Content-Length: -2\r\n\r\n")]
    [InlineData("Content-Length: +2\r\n\r\n")]
    [InlineData("Content-Length: 2,2\r\n\r\n")]
    [InlineData("Content-Length: 0x2\r\n\r\n")]
    [InlineData("Content-Length: 2 2\r\n\r\n")]
    [InlineData("Content-Length: \r\n\r\n")]
    [InlineData("Content-Length: 9999999999999999999999\r\n\r\n")]
    [InlineData("Content-Length : 2\r\n\r\n")]
    [InlineData(" Content-Length: 2\r\n\r\n")]
    [InlineData("X: a\r\n folded\r\nContent-Length: 2\r\n\r\n")]
    [InlineData(": 2\r\nContent-Length: 2\r\n\r\n")]
    [InlineData("no field\r\nContent-Length: 2\r\n\r\n")]
    [InlineData("X: a\nContent-Length: 2\r\n\r\n")]
    [InlineData("X: a\rContent-Length: 2\r\n\r\n")]
    [InlineData("X: \0\r\nContent-Length: 2\r\n\r\n")]
    [InlineData("X: \u00e9\r\nContent-Length: 2\r\n\r\n")]
    [InlineData("Content-Length: 2\r\nContent-Type: text/plain; charset=iso-8859-1\r\n\r\n")]
    [InlineData("Content-Length: 2\r\nContent-Type: text/plain; a=b; charset = utf-16\r\n\r\n")]
    public void TryReadFrame_HostileBlock_Refuses(string block)
    {
        var bytes = Encoding.Latin1.GetBytes(block + "hi");
        var read = () => FramingHarness.Read(ContentLengthFraming.Default, bytes, FramingHarness.OneByOne(bytes));
        read.Should().Throw<MessageFramingException>();
    }

    [Theory]
    [InlineData("101")]
    [InlineData("2147483648")]
    [InlineData("999999999999999999")]
    public void TryReadFrame_LengthOverTheLimit_RefusesBeforeTheBody(string length)
    {
        var read = () => FramingHarness.Read(ContentLengthFraming.Default, Encoding.ASCII.GetBytes($"Content-Length: {length}\r\n\r\n"), [], maxMessageSize: 100);
        read.Should().Throw<MessageTooLargeException>().Where(e => e.Size == long.Parse(length));
    }

    [Fact]
    public void TryReadFrame_BlockWithoutEnd_RefusesAtItsBoundAndNotBefore()
    {
        var decoder = (IFrameDecoder)new ContentLengthFraming(maxHeaderBlockSize: 64).CreateDecoder(100);
        var bytes = Encoding.ASCII.GetBytes("Content-Length: 2\r\nX: " + new string('x', 100));
        for (var length = 1; length < 64; length++)
        {
            decoder.TryReadFrame(bytes.AsSpan(0, length), out _, out _, out _).Should().BeFalse();
        }

        var read = () => decoder.TryReadFrame(bytes.AsSpan(0, 64), out _, out _, out _);
        read.Should().Throw<MessageFramingException>().WithMessage("*64 bytes*");
    }

    [Fact]
    public void TryReadFrame_BlockOfExactlyItsBound_IsRead()
    {
        var start = "Content-Length: 2\r\nX: ";
        var bytes = Encoding.ASCII.GetBytes(start + new string('x', 64 - 4 - start.Length) + "\r\n\r\nhi");
        var frames = FramingHarness.Read(new ContentLengthFraming(maxHeaderBlockSize: 64), bytes, []);
        frames.Should().ContainSingle();
    }

    [Theory]
    [InlineData("")]
    [InlineData("a\r\nX: b")]
    [InlineData("\u00e9")]
    public void Constructor_ContentTypeThatIsNoFieldValue_Throws(string contentType)
    {
        var construct = () => new ContentLengthFraming(contentType);
        construct.Should().Throw<ArgumentException>();
    }

    [Fact]
    public void BytesNeeded_AsBytesArrive_IsUnknownAndThenExact()
    {
        var decoder = (IFrameDecoder)ContentLengthFraming.Default.CreateDecoder(100);
        var bytes = "Content-Length: 20\r\n\r\nabc"u8;

        decoder.TryReadFrame(bytes[..20], out _, out _, out _).Should().BeFalse();
        decoder.BytesNeeded.Should().Be(0);
        decoder.TryReadFrame(bytes, out _, out _, out _).Should().BeFalse();
        decoder.BytesNeeded.Should().Be(17);
    }
}
