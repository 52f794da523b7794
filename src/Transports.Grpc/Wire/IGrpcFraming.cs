using System.Buffers;

namespace Transports;

/// <summary>A framing that is told the message's kind.</summary>
internal interface IGrpcFraming : IMessageFraming
{
    /// <summary>Told of the peer's end in an envelope, by the receiving thread, in place of a message. Set by the channel before anything is received.</summary>
    Action<EnvelopeEnd>? EndReceived { get; set; }

    void WriteFrame(in Message message, IBufferWriter<byte> output);
}
