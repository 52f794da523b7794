using System.Buffers;
using System.IO.Compression;
using System.Text;

namespace Transports.WebSockets.Tests;

public sealed class WebSocketDeflateTests
{
    [Fact]
    public void Inflate_WhatCompressWrote_IsTheSame()
    {
        var payload = Enumerable.Range(0, 100_000).Select(static i => (byte)(i / 100)).ToArray();
        var compressed = new PooledBufferWriter(ArrayPool<byte>.Shared);
        WebSocketDeflate.Compress(new ReadOnlySequence<byte>(payload), compressed);
        compressed.Count.Should().BeLessThan(payload.Length / 10);
        var inflated = new PooledBufferWriter(ArrayPool<byte>.Shared);
        WebSocketDeflate.Inflate(compressed.WrittenMemory, inflated, payload.Length);
        inflated.WrittenSpan.ToArray().Should().Equal(payload);
    }

    [Fact]
    public void Inflate_Bomb_StopsAtTheLimit()
    {
        var compressed = new PooledBufferWriter(ArrayPool<byte>.Shared);
        WebSocketDeflate.Compress(new ReadOnlySequence<byte>(new byte[50_000_000]), compressed);
        compressed.Count.Should().BeLessThan(1_000_000);
        var inflated = new PooledBufferWriter(ArrayPool<byte>.Shared);
        FluentActions.Invoking(() => WebSocketDeflate.Inflate(compressed.WrittenMemory, inflated, 1000)).Should().Throw<MessageTooLargeException>();
        inflated.Count.Should().BeLessThan(100_000);
    }

    [Fact]
    public void Inflate_Garbage_IsAnInvalidPayload()
        => FluentActions.Invoking(() => WebSocketDeflate.Inflate(new byte[] { 0xFF, 0xFF, 0xFF }, new PooledBufferWriter(ArrayPool<byte>.Shared), 1000))
            .Should().Throw<MessageFramingException>();

    [Theory]
    [InlineData("hello |world")]
    [InlineData("hello ||world")]
    [InlineData("one|two|three|")]
    [InlineData("one|")]
    [InlineData("|")]
    public void Inflate_FinalBlocksInside_IsTheWholeMessage(string parts)
    {
        // Each part but the last ends deflate's stream (RFC 7692, section 7.2.3.4).
        var pieces = parts.Split('|');
        var compressed = new List<byte>();
        foreach (var piece in pieces[..^1])
        {
            compressed.AddRange(Deflate(piece, final: true));
        }

        compressed.AddRange(Deflate(pieces[^1], final: false));
        Inflate([.. compressed]).Should().Be(string.Concat(pieces));
    }

    [Fact]
    public void Inflate_FinalBlockAndPadding_IsTheMessage()
        => Inflate([0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0x00]).Should().Be("Hello"); // The example of RFC 7692, section 7.2.3.4.

    [Fact]
    public void Inflate_FinalBlockThenGarbage_IsAnInvalidPayload()
        => FluentActions.Invoking(() => Inflate([.. Deflate("hello", final: true), 0xFF, 0xFF, 0xFF])).Should().Throw<MessageFramingException>();

    [Fact]
    public void Inflate_FinalBlocksWithoutEnd_AreRefused()
    {
        // Two bytes each, and each would cost an inflater.
        var blocks = Enumerable.Repeat(new byte[] { 0x03, 0x00 }, 100_000).SelectMany(static block => block).ToArray();
        FluentActions.Invoking(() => Inflate(blocks)).Should().Throw<MessageFramingException>().WithMessage("*final blocks*");
    }

    [Fact]
    public void Inflate_FinalBlocksTogetherOverTheLimit_AreRefused()
    {
        byte[] compressed = [.. Deflate(new string('x', 600), final: true), .. Deflate(new string('x', 600), final: false)];
        FluentActions.Invoking(() => WebSocketDeflate.Inflate(compressed, new PooledBufferWriter(ArrayPool<byte>.Shared), 1000)).Should().Throw<MessageTooLargeException>();
    }

    internal static byte[] Deflate(string text, bool final)
    {
        var output = new MemoryStream();
        var deflate = new DeflateStream(output, CompressionLevel.Fastest, leaveOpen: true);
        deflate.Write(Encoding.UTF8.GetBytes(text));
        if (!final)
        {
            deflate.Flush();
            var length = (int)output.Length;
            deflate.Dispose();

            // Without the marker at the end (section 7.2.1); nothing at all has an empty block.
            return length == 0 ? [0x00] : output.ToArray()[..(length - 4)];
        }

        deflate.Dispose();
        return output.Length == 0 ? [0x03, 0x00] : output.ToArray();
    }

    private static string Inflate(byte[] compressed)
    {
        var output = new PooledBufferWriter(ArrayPool<byte>.Shared);
        WebSocketDeflate.Inflate(compressed, output, 1000);
        return Encoding.UTF8.GetString(output.WrittenSpan);
    }
}
