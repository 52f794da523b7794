namespace Transports.WebSockets.Tests;

/// <summary>What is found in frames that nobody receives.</summary>
public sealed class WebSocketCodecScanTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Scan_FramesInAnyPieces_FindsPingsAndTheClose(bool isServer)
    {
        byte[] bytes =
        [
            .. Frames.Masked(isServer, 0x81, "\x89\x00"u8),
            .. Frames.Masked(isServer, 0x89, []),
            .. Frames.Masked(isServer, 0x82, new byte[200]),
            .. Frames.Masked(isServer, 0x02, new byte[3]),
            .. Frames.Masked(isServer, 0x8A, "unasked"u8),
            .. Frames.Masked(isServer, 0x89, "ping"u8),
            .. Frames.Masked(isServer, 0x80, new byte[126]),
            .. Frames.Masked(isServer, 0x88, [0x03, 0xE9, (byte)'b', (byte)'y', (byte)'e']),
            .. Frames.Masked(isServer, 0x89, "behind"u8),
        ];
        string[] expected = ["Reply ", "Reply ping", "Closed GoingAway 1001 bye"];
        CodecHarness.Scan(CodecHarness.Create(isServer), bytes).Should().Equal(expected);
        CodecHarness.Scan(CodecHarness.Create(isServer), bytes, Enumerable.Range(1, bytes.Length)).Should().Equal(expected);
        for (var split = 1; split < bytes.Length; split++)
        {
            CodecHarness.Scan(CodecHarness.Create(isServer), bytes, [split]).Should().Equal(expected);
        }
    }

    [Fact]
    public void Scan_MessageOfAnySize_IsSteppedOver()
    {
        // Over the limit, and begun with a length alone: not for the scan to judge.
        byte[] bytes = [.. Frames.Header(true, 0x82, 5_000_000_000), .. new byte[100_000]];
        CodecHarness.Scan(CodecHarness.Create(isServer: true), bytes).Should().BeEmpty();
        byte[] whole = [.. Frames.Of(true, 0x82, new byte[70_000]), .. Frames.Of(true, 0x89, "p"u8.ToArray())];
        CodecHarness.Scan(CodecHarness.Create(isServer: true), whole).Should().Equal("Reply p");
    }

    [Fact]
    public void Scan_CloseInsideAMessageThatWasBegunBefore_IsNoEndInOrder()
    {
        var codec = CodecHarness.Create(isServer: true);
        CodecHarness.Read(codec, Frames.Masked(true, 0x01, "a"u8)).Should().BeEmpty();
        CodecHarness.Scan(codec, Frames.Masked(true, 0x88, [0x03, 0xE8])).Should().ContainSingle().Which.Should().StartWith("Closed ProtocolError 1000");
        CodecHarness.Scan(codec, [.. Frames.Masked(true, 0x80, "b"u8), .. Frames.Masked(true, 0x88, [0x03, 0xE8])]).Should().Equal("Closed Normal 1000");
        CodecHarness.Scan(CodecHarness.Create(isServer: true), [.. Frames.Masked(true, 0x01, "b"u8), .. Frames.Masked(true, 0x88, [])])
            .Should().ContainSingle().Which.Should().StartWith("Closed ProtocolError 1005");
    }

    [Theory]
    [InlineData(new byte[] { 3 })]
    [InlineData(new byte[] { 0x03, 0xED })]
    [InlineData(new byte[] { 0x03, 0xE8, 0xFF })]
    public void Scan_CloseAgainstTheRules_IsAProtocolErrorFoundByThisSide(byte[] payload)
        => CodecHarness.Scan(CodecHarness.Create(isServer: true), Frames.Masked(true, 0x88, payload)).Should().ContainSingle().Which.Should().StartWith("Closed ProtocolError  A WebSocket close frame");

    [Theory]
    [InlineData(new byte[] { 0x89, 0xFE, 0, 126, 0, 0, 0, 0 })] // a ping too long
    [InlineData(new byte[] { 0x82, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0 })] // highest bit set
    [InlineData(new byte[] { 0xFF, 0x01 })]
    public void Scan_FrameAgainstTheRules_ThrowsNothing(byte[] frame)
        => CodecHarness.Scan(CodecHarness.Create(isServer: true), [.. frame, .. new byte[300]]).Should().BeEmpty();

    [Fact]
    public void Scan_CloseThatIsTooLong_IsAClose()
        => CodecHarness.Scan(CodecHarness.Create(isServer: true), Frames.Of(true, 0x88, new byte[200])).Should().ContainSingle().Which.Should().StartWith("Closed ProtocolError");
}
