namespace Transports.WebSockets;

/// <content>Control frames: RFC 6455, section 5.5. Those that come while nobody receives are found by the scan.</content>
internal sealed partial class WebSocketCodec
{
    private FrameScanner _scanner;

    public override bool TryWritePing(OutputBuffer output)
    {
        WriteFrame(WebSocketOpcode.Ping, compressed: false, [], output);
        return true;
    }

    public override void WriteReply(ReadOnlySpan<byte> reply, OutputBuffer output) => WriteFrame(WebSocketOpcode.Pong, compressed: false, reply, output);

    // Nobody reads while a scan begins.
    public override void BeginScan() => _scanner.Begin(isInsideMessage: _message != 0);

    public override ReadStatus Scan(ReadOnlySpan<byte> input, ref CodecRead read) => _scanner.Scan(input, ref read);
}
