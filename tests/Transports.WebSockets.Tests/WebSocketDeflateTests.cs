using System.Buffers;

namespace Transports.Tests;

public sealed class WebSocketDeflateTests
{
    [Fact]
    public void Inflate_WhatCompressWrote_IsTheSame()
    {
        var payload = Enumerable.Range(0, 100_000).Select(static i => (byte)(i / 100)).ToArray();
        var compressed = new PooledBytes(ArrayPool<byte>.Shared);
        WebSocketDeflate.Compress(new ReadOnlySequence<byte>(payload), compressed);
        compressed.Count.Should().BeLessThan(payload.Length / 10);
        var inflated = new PooledBytes(ArrayPool<byte>.Shared);
        WebSocketDeflate.Inflate(compressed.WrittenMemory, inflated, payload.Length);
        inflated.WrittenSpan.ToArray().Should().Equal(payload);
    }

    [Fact]
    public void Inflate_Bomb_StopsAtTheLimit()
    {
        var compressed = new PooledBytes(ArrayPool<byte>.Shared);
        WebSocketDeflate.Compress(new ReadOnlySequence<byte>(new byte[50_000_000]), compressed);
        compressed.Count.Should().BeLessThan(1_000_000);
        var inflated = new PooledBytes(ArrayPool<byte>.Shared);
        FluentActions.Invoking(() => WebSocketDeflate.Inflate(compressed.WrittenMemory, inflated, 1000)).Should().Throw<MessageTooLargeException>();
        inflated.Count.Should().BeLessThan(100_000);
    }

    [Fact]
    public void Inflate_Garbage_IsAnInvalidPayload()
        => FluentActions.Invoking(() => WebSocketDeflate.Inflate(new byte[] { 0xFF, 0xFF, 0xFF }, new PooledBytes(ArrayPool<byte>.Shared), 1000))
            .Should().Throw<MessageFramingException>();

    [Theory]
    [InlineData("permessage-deflate", true)]
    [InlineData("permessage-deflate; client_max_window_bits", true)]
    [InlineData("permessage-deflate; server_no_context_takeover; client_no_context_takeover", true)]
    [InlineData("permessage-deflate; server_max_window_bits=10", false)]
    [InlineData("permessage-deflate; server_max_window_bits=10, permessage-deflate", true)]
    [InlineData("permessage-deflate; unknown", false)]
    [InlineData("permessage-bzip2", false)]
    [InlineData("", false)]
    public void IsOfferedBy_Offer_IsTakenWhenItCanBeKept(string offer, bool taken)
        => WebSocketDeflate.IsOfferedBy([offer]).Should().Be(taken);

    [Fact]
    public void IsAcceptedBy_AnswerThatKeepsContext_IsRefused()
        => FluentActions.Invoking(() => WebSocketDeflate.IsAcceptedBy(["permessage-deflate"])).Should().Throw<TransportException>();
}
