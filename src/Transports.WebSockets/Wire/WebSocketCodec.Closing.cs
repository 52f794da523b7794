namespace Transports.WebSockets;

/// <content>The end: RFC 6455, sections 5.5.1 and 7.</content>
internal sealed partial class WebSocketCodec
{
    private static readonly ChannelCloseInfo NoCloseFrame = new(
        ChannelCloseStatus.ConnectionLost,
        IsRemote: true,
        "The connection ended without a WebSocket close frame.",
        CloseCode.Abnormal);

    /// <summary>The server ends the connection once both have closed; the client waits for that (section 7.1.1).</summary>
    public override bool EndsConnection => IsServer;

    // Asked behind all that was scanned.
    public override ChannelCloseInfo? EndWithoutClose => _scanner.IsInsideMessage ? ClosePayload.Describe(CutOff()) : NoCloseFrame;

    /// <summary>Whether a close frame tells the peer of an end that this side found out.</summary>
    public static bool TellsEnd(ChannelCloseInfo info)
        => !info.IsRemote && info.Status is ChannelCloseStatus.ProtocolError or ChannelCloseStatus.MessageTooLarge
            or ChannelCloseStatus.InternalError or ChannelCloseStatus.PolicyViolation;

    public override bool CanTellEnd(ChannelCloseInfo info) => TellsEnd(info);

    public override bool TryWriteClose(ChannelCloseInfo info, ChannelCloseInfo? peerClose, OutputBuffer output)
    {
        Span<byte> payload = stackalloc byte[FrameHeader.MaxControlPayload];
        var length = ClosePayload.Write(info, peerClose, payload);
        WriteFrame(WebSocketOpcode.Close, compressed: false, payload[..length], output);
        return true;
    }

    public override ChannelCloseInfo? EndOfStream(int unread)
        => unread > 0 || _message != 0
            ? throw CutOff()
            : NoCloseFrame;

    private static MessageFramingException CutOff() => new("The connection ended inside a WebSocket message. The peer was cut off.");

    // The body stays as it came: it may be looked at again, by the scan for the peer's close.
    private ChannelCloseInfo ReadClose(in FrameHeader header, ReadOnlySpan<byte> body)
    {
        Span<byte> payload = stackalloc byte[FrameHeader.MaxControlPayload];
        payload = payload[..body.Length];
        body.CopyTo(payload);
        Mask.Remove(payload, header);
        return ClosePayload.Read(payload, isInsideMessage: _message != 0);
    }
}
