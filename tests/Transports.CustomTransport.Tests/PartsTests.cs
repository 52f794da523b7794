using System.Buffers;
using CustomTransport;

namespace Transports.CustomTransport.Tests;

/// <summary>The framing and the decorator of the sample, each alone.</summary>
public sealed class PartsTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("")]
    [InlineData("hello world!")]
    public void TryReadFrame_EveryByteCount_FindsTheFrameWhenItIsWhole(string text)
    {
        var written = new ArrayBufferWriter<byte>();
        new NetstringFraming().WriteFrame(new ReadOnlySequence<byte>(System.Text.Encoding.UTF8.GetBytes(text)), written);
        var decoder = new NetstringFraming().CreateDecoder(100);

        for (var length = 0; length < written.WrittenCount; length++)
        {
            decoder.TryReadFrame(written.WrittenSpan[..length], out _, out _, out _).Should().BeFalse();
        }

        decoder.TryReadFrame(written.WrittenSpan, out var offset, out var count, out var consumed).Should().BeTrue();
        System.Text.Encoding.UTF8.GetString(written.WrittenSpan.Slice(offset, count)).Should().Be(text);
        consumed.Should().Be(written.WrittenCount);
    }

    [Theory]
    [InlineData(":")]
    [InlineData("x")]
    [InlineData("-1:")]
    [InlineData("1:ab")]
    [InlineData("12345678901")]
    public void TryReadFrame_NoNetstring_Throws(string text)
        => FluentActions.Invoking(() => new NetstringFraming().CreateDecoder(100).TryReadFrame(System.Text.Encoding.ASCII.GetBytes(text), out _, out _, out _))
            .Should().Throw<MessageFramingException>();

    [Theory]
    [InlineData("101:")]
    [InlineData("9999999999:")]
    public void TryReadFrame_OverTheLimit_ThrowsBeforeTheBody(string text)
        => FluentActions.Invoking(() => new NetstringFraming().CreateDecoder(100).TryReadFrame(System.Text.Encoding.ASCII.GetBytes(text), out _, out _, out _))
            .Should().Throw<MessageTooLargeException>();

    [Fact]
    public async Task Counting_MessagesAndBatches_CountsWhatWasTaken()
    {
        var transport = new MemoryTransport();
        await using var listener = await transport.ListenAsync(new Uri("mem://counted"), Token);
        await using var channel = new CountingMessageChannel(await transport.ConnectAsync(listener.LocalAddress, Token));

        await channel.SendAsync("one", Token);
        await channel.SendAsync(new Message[] { "two"u8.ToArray(), "three"u8.ToArray() }, Token);

        channel.Sent.Should().Be(3);
    }
}
