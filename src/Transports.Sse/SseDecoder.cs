using System.Buffers;
using System.Buffers.Text;
using System.Text;
using System.Text.Unicode;

namespace Transports;

/// <summary>Reads an event stream as the HTML standard says (section 9.2.6): lines end in CR, LF or CRLF, a blank line dispatches.</summary>
/// <remarks>
/// <para>An event that a CR ends is dispatched at once; a LF after it belongs to it. An <c>id</c> counts when its event is
/// complete, and never when it holds a NUL; a <c>retry</c> has digits only; an empty <c>event</c> is a "message".</para>
/// <para>Data is gathered in memory of the decoder's own, which grows with what has arrived and never over the limit.</para>
/// </remarks>
internal sealed class SseDecoder : IFrameDecoder
{
    // A line may hold this much besides data: a field's name, an id. An id goes back in a header, and servers take about this much there.
    private const int LineOverhead = 8 * 1024;

    // An id or a type is rarely longer.
    private const int KeptName = 1024;

    // What a channel keeps for the next event.
    private const int KeptMemory = 64 * 1024;

    private readonly int _maxMessageSize;
    private readonly long _maxDataSize;
    private readonly SseFraming _framing;
    private readonly PooledBytes _data;
    private readonly PooledBytes _type;
    private readonly PooledBytes _idBuffer;
    private readonly PooledBytes _lastId;
    private bool _hasData;
    private bool _idChanged;
    private bool _dispatched;
    private bool _skipLineFeed;
    private bool _skipComment;
    private int _bomBytes;
    private int _scanned;
    private long _consumed;
    private string? _lastIdText;
    private string? _eventType;

    public SseDecoder(SseFraming framing, int maxMessageSize)
    {
        _framing = framing;
        _maxMessageSize = maxMessageSize;

        // As base64, or as it is, whichever is longer.
        _maxDataSize = SseWire.EncodedSize(maxMessageSize) + 1;
        _data = new PooledBytes(framing.Pool);
        _type = new PooledBytes(framing.Pool);
        _idBuffer = new PooledBytes(framing.Pool);
        _lastId = new PooledBytes(framing.Pool);
    }

    public int BytesNeeded => 0;

    /// <summary>The kind of the message found last.</summary>
    public MessageKind Kind { get; private set; }

    /// <summary>The id of the last event that was complete, which a reconnecting client names.</summary>
    public string LastEventId => _lastIdText ??= Encoding.UTF8.GetString(_lastId.WrittenSpan);

    /// <summary>The type of the event found last.</summary>
    public string EventType => _eventType ??= _type.Count == 0 ? "message" : Encoding.UTF8.GetString(_type.WrittenSpan);

    /// <summary>The reconnection time the server asked for, in milliseconds.</summary>
    public long? Retry { get; private set; }

    /// <summary>
    /// Where in the bytes received, counted from the channel's first, a connection has ended and the next begins: what is
    /// unfinished there is dropped. -1 for none.
    /// </summary>
    public long Boundary { get; set; } = -1;

    public bool TryReadFrame(ref ReadOnlySequence<byte> buffer, out ReadOnlySequence<byte> payload)
    {
        var bytes = buffer.IsSingleSegment ? buffer.FirstSpan : buffer.ToArray();
        var position = 0;
        var found = TryRead(bytes, ref position, out payload);
        _consumed += position;
        _scanned = found ? 0 : bytes.Length - position;
        buffer = buffer.Slice(position);
        return found;
    }

    public void Release()
    {
        _data.Clear();
        _type.Clear();
        _idBuffer.Clear();
        _lastId.Clear();
    }

    private bool TryRead(ReadOnlySpan<byte> bytes, ref int position, out ReadOnlySequence<byte> payload)
    {
        payload = default;
        if (_dispatched)
        {
            // The message handed out last was made of these.
            StartEvent();
        }

        while (true)
        {
            if (Boundary >= 0 && Boundary <= _consumed + bytes.Length && !HasLineBefore(bytes, position))
            {
                position = (int)Math.Max(position, Boundary - _consumed);
                StartStream();
            }

            if (!TryReadLine(bytes, ref position, out var line))
            {
                return false;
            }

            if (line.IsEmpty)
            {
                if (Dispatch(out payload))
                {
                    return true;
                }
            }
            else
            {
                TakeField(line);
            }
        }
    }

    // A whole line of the connection that has ended is still to be read.
    private bool HasLineBefore(ReadOnlySpan<byte> bytes, int position)
    {
        var length = (int)Math.Min(Boundary - _consumed, bytes.Length) - position;
        return length > 0 && bytes.Slice(position, length).IndexOfAny((byte)'\r', (byte)'\n') >= 0;
    }

    private bool TryReadLine(ReadOnlySpan<byte> bytes, ref int position, out ReadOnlySpan<byte> line)
    {
        line = default;
        if (_skipLineFeed && position < bytes.Length)
        {
            _skipLineFeed = false;
            if (bytes[position] == '\n')
            {
                position++;
                _scanned = Math.Max(0, _scanned - 1);
            }
        }

        SkipByteOrderMark(bytes, ref position);
        var rest = bytes[position..];
        var searched = Math.Min(_scanned, rest.Length);
        _scanned = 0;
        var end = rest[searched..].IndexOfAny((byte)'\r', (byte)'\n');
        if (end < 0)
        {
            if (_skipComment || (rest.Length > LineOverhead && rest[0] == ':'))
            {
                // Nobody sees a comment, so its length is no matter.
                _skipComment = true;
                position = bytes.Length;
                return false;
            }

            if (rest.Length > _maxDataSize + LineOverhead)
            {
                throw new MessageTooLargeException(rest.Length, _maxMessageSize);
            }

            return false;
        }

        end += searched;
        line = _skipComment ? ":"u8 : rest[..end];
        _skipComment = false;
        _skipLineFeed = rest[end] == '\r';
        position += end + 1;
        return true;
    }

    private void SkipByteOrderMark(ReadOnlySpan<byte> bytes, ref int position)
    {
        ReadOnlySpan<byte> mark = [0xEF, 0xBB, 0xBF];
        if (_bomBytes < 0)
        {
            return;
        }

        var rest = bytes[position..];
        if (rest.StartsWith(mark))
        {
            position += mark.Length;
            _bomBytes = -1;
        }
        else if (rest.Length >= mark.Length || !mark.StartsWith(rest))
        {
            _bomBytes = -1;
        }
    }

    private void TakeField(ReadOnlySpan<byte> line)
    {
        var colon = line.IndexOf((byte)':');
        if (colon == 0)
        {
            return;
        }

        var name = colon < 0 ? line : line[..colon];
        var value = colon < 0 ? default : line[(colon + 1)..];
        if (value.Length > 0 && value[0] == ' ')
        {
            value = value[1..];
        }

        if (name.SequenceEqual("data"u8))
        {
            if (_data.Count + value.Length > _maxDataSize)
            {
                throw new MessageTooLargeException(_data.Count + value.Length, _maxMessageSize);
            }

            if (_hasData)
            {
                _data.Write("\n"u8);
            }

            _hasData = true;
            _data.Write(value);
        }
        else if (name.SequenceEqual("event"u8))
        {
            _type.Clear(KeptName);
            _type.Write(Bounded(value));
        }
        else if (name.SequenceEqual("id"u8) && !value.Contains((byte)0))
        {
            _idBuffer.Clear(KeptName);
            _idBuffer.Write(Bounded(value));
            _idChanged = true;
        }
        else if (name.SequenceEqual("retry"u8) && value.Length > 0 && value.IndexOfAnyExceptInRange((byte)'0', (byte)'9') < 0)
        {
            Retry = Utf8Parser.TryParse(value, out long milliseconds, out _) ? milliseconds : long.MaxValue;
        }
    }

    private static ReadOnlySpan<byte> Bounded(ReadOnlySpan<byte> value)
        => value.Length <= LineOverhead
            ? value
            : throw new MessageFramingException($"An event's type or id has {value.Length} bytes; {LineOverhead} are allowed.");

    // Returns true when there is a message to hand out.
    private bool Dispatch(out ReadOnlySequence<byte> payload)
    {
        if (_idChanged)
        {
            _idChanged = false;
            if (!_lastId.WrittenSpan.SequenceEqual(_idBuffer.WrittenSpan))
            {
                _lastId.Clear(KeptName);
                _lastId.Write(_idBuffer.WrittenSpan);
                _lastIdText = null;
            }
        }

        payload = default;
        if (!_hasData)
        {
            StartEvent();
            return false;
        }

        Kind = MessageKind.Text;
        if (_framing.IsOwn && _type.Count > 0)
        {
            var type = _type.WrittenSpan;
            if (type.SequenceEqual(SseWire.BinaryEvent) || type.SequenceEqual(SseWire.TextEvent))
            {
                Kind = type[0] == SseWire.BinaryEvent[0] ? MessageKind.Binary : MessageKind.Text;
                DecodeBase64();
            }
            else if (type.SequenceEqual(SseWire.CloseEvent))
            {
                var text = Encoding.UTF8.GetString(_data.WrittenSpan);
                StartEvent();
                _framing.Channel!.OnClose(SseWire.ParseClose(text));
                return false;
            }
            else if (type.SequenceEqual(SseWire.SessionEvent))
            {
                StartEvent();
                return false;
            }
        }

        if (_data.Count > _maxMessageSize)
        {
            throw new MessageTooLargeException(_data.Count, _maxMessageSize);
        }

        if (Kind == MessageKind.Text && !Utf8.IsValid(_data.WrittenSpan))
        {
            // The standard decodes with replacement characters.
            var text = Encoding.UTF8.GetString(_data.WrittenSpan);
            _data.Clear(KeptMemory);
            _data.Write(Encoding.UTF8.GetBytes(text));
        }

        _dispatched = true;
        _eventType = null;
        payload = new ReadOnlySequence<byte>(_data.WrittenMemory);
        return true;
    }

    private void DecodeBase64()
    {
        var status = Base64.DecodeFromUtf8InPlace(_data.WrittenSpan, out var length);
        if (status != OperationStatus.Done)
        {
            throw new MessageFramingException("The data of an event that should be base64 is not.");
        }

        _data.Advance(length - _data.Count);
    }

    private void StartEvent()
    {
        _dispatched = false;
        _hasData = false;
        _data.Clear(KeptMemory);
        _type.Clear(KeptName);
    }

    private void StartStream()
    {
        Boundary = -1;
        StartEvent();
        _idChanged = false;
        _idBuffer.Clear(KeptName);
        _skipLineFeed = false;
        _skipComment = false;
        _bomBytes = 0;
        _scanned = 0;
    }
}
