using System.Buffers;
using System.Buffers.Text;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Unicode;

namespace Transports.Sse;

/// <content>What becomes of an event that is complete.</content>
internal sealed partial class SseCodec
{
    private enum Dispatched
    {
        Nothing,
        Message,
        OwnedMessage,
        Closed,

        /// <summary>Not yet: it cannot be in one table with what is there.</summary>
        Later,
    }

    private Dispatched Dispatch(Memory<byte> input, ref CodecRead read)
    {
        var changesId = _idChanged && !_id.Span.SequenceEqual(_lastId.Span);
        if (read.Count > 0 && (changesId || (_hasData && (_lineStart < 0 || !_type.Span.SequenceEqual(_lastType.Span)))))
        {
            return Dispatched.Later;
        }

        if (_hasData)
        {
            var found = DispatchData(_lineStart >= 0 ? input.Slice(_lineStart, _lineLength) : MemoryMarshal.AsMemory(_data.WrittenMemory), ref read);
            if (found == Dispatched.Later)
            {
                return found;
            }

            TakeId(changesId);
            StartEvent();
            return found;
        }

        TakeId(changesId);
        StartEvent();
        return Dispatched.Nothing;
    }

    private Dispatched DispatchData(Memory<byte> data, ref CodecRead read)
    {
        var kind = MessageKind.Text;
        var type = _type.Span;
        if (_isOwn && type.Length > 0)
        {
            if (type.SequenceEqual(SseWire.CloseEvent))
            {
                read.Close = SseWire.ParseClose(Encoding.UTF8.GetString(data.Span));
                return Dispatched.Closed;
            }

            if (type.SequenceEqual(SseWire.SessionEvent))
            {
                return Dispatched.Nothing;
            }

            var isBinary = type.SequenceEqual(SseWire.BinaryEvent);
            if (isBinary || type.SequenceEqual(SseWire.TextEvent))
            {
                kind = isBinary ? MessageKind.Binary : MessageKind.Text;
                if (Base64.DecodeFromUtf8InPlace(data.Span, out var decoded) != OperationStatus.Done)
                {
                    throw new MessageFramingException("The data of an event that should be base64 is not.");
                }

                data = data[..decoded];
            }
        }

        if (data.Length > _maxMessageSize)
        {
            throw new MessageTooLargeException(data.Length, _maxMessageSize);
        }

        if (kind == MessageKind.Text && !Utf8.IsValid(data.Span))
        {
            // The standard decodes with replacement characters. Here and not at the reader: the rest of the house takes a text for what it says.
            return Replace(data.Span, ref read);
        }

        _lastType.Set(type);
        if (_lineStart >= 0)
        {
            read.Add(_lineStart, data.Length, kind);
            return Dispatched.Message;
        }

        return Own(data, kind, ref read);
    }

    private Dispatched Replace(ReadOnlySpan<byte> text, ref CodecRead read)
    {
        if (read.Count > 0)
        {
            return Dispatched.Later;
        }

        var replaced = Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(text));
        if (replaced.Length > _maxMessageSize)
        {
            throw new MessageTooLargeException(replaced.Length, _maxMessageSize);
        }

        _lastType.Set(_type.Span);
        return Own(replaced, MessageKind.Text, ref read);
    }

    private Dispatched Own(ReadOnlyMemory<byte> message, MessageKind kind, ref CodecRead read)
    {
        MemoryMarshal.TryGetArray(message, out var array);
        read.SetOwned(array.Array ?? [], array.Offset, array.Count, kind);
        _isLent = true;
        return Dispatched.OwnedMessage;
    }

    private void TakeId(bool changes)
    {
        if (changes)
        {
            _lastId.Set(_id.Span);
            _lastIdText = null;
        }
    }

    private void StartEvent()
    {
        _hasData = false;
        _idChanged = false;
        _lineStart = -1;
        _dataSize = 0;
        _type.Clear();
        if (!_isLent)
        {
            _data.Clear(KeptMemory);
        }
    }
}
