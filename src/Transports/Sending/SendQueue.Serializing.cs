namespace Transports.Extensibility;

/// <content>Values that are serialized where they are sent from.</content>
public sealed partial class SendQueue
{
    /// <summary>Serializes a value and frames it. Under the gate.</summary>
    internal void WriteSerialized<T>(T value, IMessageSerializer<T> serializer)
    {
        AssertGate();
        _serializing = true;
        try
        {
            if (_maxHeaderSize > 0)
            {
                WriteInPlace(value, serializer);
            }
            else
            {
                WriteCopied(value, serializer);
            }

            if (_failure is { } failure)
            {
                throw failure;
            }
        }
        finally
        {
            _serializing = false;
            if (_failure is not null)
            {
                // The serializer ended the channel it wrote to; only now is the memory nobody's.
                _consumer.OnFailed();
            }
        }
    }

    private void WriteInPlace<T>(T value, IMessageSerializer<T> serializer)
    {
        var buffer = _filling;
        var start = buffer.Length;
        buffer.Append(_maxHeaderSize);
        serializer.Serialize(value, buffer);
        var length = buffer.Length - start - _maxHeaderSize;
        ThrowIfTooLarge(length);
        Span<byte> header = stackalloc byte[_maxHeaderSize];
        var frame = buffer.WrittenSpan[start..];
        var used = _codec.WriteHeader(frame[_maxHeaderSize..], serializer.Kind, header);
        if (used < _maxHeaderSize)
        {
            // A header shorter than the longest: close the gap.
            frame[_maxHeaderSize..].CopyTo(frame[used..]);
            buffer.Length -= _maxHeaderSize - used;
        }

        header[..used].CopyTo(frame);
    }

    // A codec that must see the payload whole (it may escape, compress or refuse) gets it from a buffer of its own.
    private void WriteCopied<T>(T value, IMessageSerializer<T> serializer)
    {
        var own = _scratch ??= new OutputBuffer(_pool);
        try
        {
            serializer.Serialize(value, own);
            ThrowIfTooLarge(own.Length);
            _codec.Write(new Message(own.WrittenMemory, serializer.Kind), _filling);
        }
        finally
        {
            own.Release();
        }
    }

    private void ThrowIfTooLarge(int length)
    {
        if (length > _maxMessageSize)
        {
            throw new MessageTooLargeException(length, _maxMessageSize);
        }
    }
}
