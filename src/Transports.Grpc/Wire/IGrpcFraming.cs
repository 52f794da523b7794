using System.Buffers;

namespace Transports;

/// <summary>A framing that is told the message's kind.</summary>
internal interface IGrpcFraming : IMessageFraming
{
    void WriteFrame(in Message message, IBufferWriter<byte> output);
}
