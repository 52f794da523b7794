using System.Buffers.Binary;
using System.Text;
using System.Text.Unicode;

namespace Transports.WebSockets;

/// <summary>What a close frame says: two bytes of code and a reason, or nothing (RFC 6455, section 5.5.1).</summary>
internal static class ClosePayload
{
    private const int CodeSize = sizeof(ushort);

    /// <summary>Reads the payload of a peer's close frame.</summary>
    /// <param name="payload">The payload, unmasked.</param>
    /// <param name="isInsideMessage">It came between a message's fragments.</param>
    /// <exception cref="MessageFramingException">It is not what may be said.</exception>
    public static ChannelCloseInfo Read(ReadOnlySpan<byte> payload, bool isInsideMessage)
    {
        if (payload.IsEmpty)
        {
            return CloseCode.Describe(CloseCode.NoStatus, null, isInsideMessage);
        }

        if (payload.Length < CodeSize)
        {
            throw new MessageFramingException("A WebSocket close frame has half a close code (RFC 6455, section 5.5.1).");
        }

        var code = BinaryPrimitives.ReadUInt16BigEndian(payload);
        if (!CloseCode.IsAllowed(code))
        {
            throw new MessageFramingException($"A WebSocket close frame has the code {code}, which must not be sent (RFC 6455, section 7.4).");
        }

        var reason = payload[CodeSize..];
        if (!Utf8.IsValid(reason))
        {
            throw new InvalidPayloadException("A WebSocket close frame's reason is not valid UTF-8 (RFC 6455, section 5.5.1).");
        }

        return CloseCode.Describe(code, reason.IsEmpty ? null : Encoding.UTF8.GetString(reason), isInsideMessage);
    }

    /// <summary>The same where nobody is there to be told of a fault: the fault is then how the peer has closed, found by this side.</summary>
    public static ChannelCloseInfo Describe(ReadOnlySpan<byte> payload, bool isInsideMessage)
    {
        try
        {
            return Read(payload, isInsideMessage);
        }
        catch (MessageFramingException e)
        {
            return Describe(e);
        }
    }

    /// <summary>An end against the rules.</summary>
    public static ChannelCloseInfo Describe(MessageFramingException fault)
        => new(ChannelCloseStatus.ProtocolError, IsRemote: false, fault.Message, Exception: fault);

    /// <summary>Writes the payload of a close frame.</summary>
    /// <param name="info">How the channel ends.</param>
    /// <param name="peerClose">How the peer has closed, where it came first.</param>
    /// <param name="payload">Where to; <see cref="FrameHeader.MaxControlPayload"/> bytes.</param>
    /// <returns>How many bytes were written.</returns>
    public static int Write(ChannelCloseInfo info, ChannelCloseInfo? peerClose, Span<byte> payload)
    {
        // The answer repeats the peer's code (RFC 6455, section 5.5.1); a frame without one is answered likewise.
        if (peerClose is { IsRemote: true, ProtocolErrorCode: { } code })
        {
            if (code == CloseCode.NoStatus)
            {
                return 0;
            }

            BinaryPrimitives.WriteUInt16BigEndian(payload, (ushort)code);
            return CodeSize;
        }

        BinaryPrimitives.WriteUInt16BigEndian(
            payload,
            (ushort)(info.Exception is InvalidPayloadException ? CloseCode.InvalidPayload : CloseCode.FromStatus(info.Status)));

        // Cut between characters.
        Encoding.UTF8.GetEncoder().Convert(info.Description, payload[CodeSize..], flush: true, out _, out var written, out _);
        return CodeSize + written;
    }
}
