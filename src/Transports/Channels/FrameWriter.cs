using System.Buffers;

namespace Transports;

/// <summary>Writes frames into a buffer, whole or not at all: what fails is taken back. For one thread at a time.</summary>
/// <param name="channel">Says how a message becomes a frame.</param>
/// <param name="framing">A framing that writes headers, which lets values be serialized in place; or <see langword="null"/>.</param>
/// <param name="pool">Where memory is rented.</param>
/// <param name="maxMessageSize">The longest payload, in bytes.</param>
internal sealed class FrameWriter(IFrameSenderChannel channel, IHeaderFraming? framing, ArrayPool<byte> pool, int maxMessageSize)
{
    private FrameBuffer? _scratch;

    /// <summary>Writes one message. Returns how many bytes it took.</summary>
    public int Write(in Message message, FrameBuffer buffer)
    {
        var start = buffer.Length;
        try
        {
            channel.WriteFrame(message, buffer);
        }
        catch
        {
            buffer.Length = start;
            throw;
        }

        return buffer.Length - start;
    }

    /// <summary>Writes all messages of a batch, or none. Returns how many bytes they took.</summary>
    public int Write(ReadOnlySpan<Message> batch, FrameBuffer buffer)
    {
        var start = buffer.Length;
        try
        {
            foreach (ref readonly var message in batch)
            {
                channel.WriteFrame(message, buffer);
            }
        }
        catch
        {
            buffer.Length = start;
            throw;
        }

        return buffer.Length - start;
    }

    /// <summary>Serializes a value into a frame. Returns how many bytes it took.</summary>
    public int Write<T>(T value, IMessageSerializer<T> serializer, FrameBuffer buffer)
    {
        var start = buffer.Length;
        try
        {
            if (framing is not null)
            {
                WriteInPlace(value, serializer, framing, buffer);
            }
            else
            {
                WriteCopied(value, serializer, buffer);
            }
        }
        catch
        {
            buffer.Length = start;
            throw;
        }

        return buffer.Length - start;
    }

    private void WriteInPlace<T>(T value, IMessageSerializer<T> serializer, IHeaderFraming headers, FrameBuffer buffer)
    {
        var start = buffer.Length;
        var reserved = headers.MaxHeaderSize;
        buffer.Append(reserved);
        serializer.Serialize(value, buffer);
        var length = buffer.Length - start - reserved;
        ThrowIfTooLarge(length);
        Span<byte> header = stackalloc byte[reserved];
        var used = channel.WriteHeader(headers, length, serializer.Kind, header);
        if (used < reserved)
        {
            // A header shorter than the longest: close the gap.
            var frame = buffer.WrittenSpan[start..];
            frame[reserved..].CopyTo(frame[used..]);
            buffer.Length -= reserved - used;
        }

        header[..used].CopyTo(buffer.WrittenSpan[start..]);
    }

    // A framing that must see the payload whole (it may escape or refuse) gets it from a buffer of its own.
    private void WriteCopied<T>(T value, IMessageSerializer<T> serializer, FrameBuffer buffer)
    {
        var own = _scratch ??= new FrameBuffer(pool);
        try
        {
            serializer.Serialize(value, own);
            ThrowIfTooLarge(own.Length);
            channel.WriteFrame(new Message(own.WrittenMemory, serializer.Kind), buffer);
        }
        finally
        {
            own.Release();
        }
    }

    private void ThrowIfTooLarge(int length)
    {
        if (length > maxMessageSize)
        {
            throw new MessageTooLargeException(length, maxMessageSize);
        }
    }
}
