namespace Transports.Sse;

/// <content>Reading, as the HTML standard says (section 9.2.6): lines end in CR, LF or CRLF, a blank line dispatches.</content>
/// <remarks>
/// <para>An event that a CR ends is dispatched at once; a LF after it belongs to it. An <c>id</c> counts when its event is
/// complete, and never when it holds a NUL; a <c>retry</c> has digits only; an empty <c>event</c> is a "message".</para>
/// <para>Data of one line lies in the input, where base64 is decoded in place. Data of more lines, or of an event that is not all there yet, is gathered in memory of
/// the codec's own, which grows with what has arrived and never over the limit; such a message is alone in its table.</para>
/// <para>What <see cref="ISseFeature"/> tells is of the message received last, so one table holds events of one type and, as each id is told, one id.</para>
/// </remarks>
internal sealed partial class SseCodec
{
    // A line may hold this much besides data.
    private const int LineOverhead = SseField.MaxNameLength;

    // What a channel keeps for the next event.
    private const int KeptMemory = 64 * 1024;

    private readonly long _maxDataSize;
    private readonly SseScanner _scanner;
    private readonly SseText _type = new();
    private readonly SseText _lastType = new();
    private readonly SseText _id = new();
    private readonly SseText _lastId = new();
    private readonly PooledBufferWriter _data;
    private Exception? _fault;
    private string? _lastIdText;
    private long? _retry;
    private bool _isLent;

    // The event at hand. Its only data line so far, where it lies in the input of this call; otherwise it is gathered.
    private bool _hasData;
    private int _lineStart = -1;
    private int _lineLength;
    private long _dataSize;
    private bool _idChanged;

    // The line at hand.
    private bool _isFirstLine = true;
    private bool _skipLineFeed;
    private bool _isInLongComment;
    private int _searched;

    public override ReadStatus Read(Memory<byte> input, ref CodecRead read)
    {
        if (_fault is { } fault)
        {
            throw fault;
        }

        if (_isLent)
        {
            _isLent = false;
            _data.Clear(KeptMemory);
        }

        var position = 0;
        var eventStart = 0;
        var skipsAtStart = false;
        var found = Dispatched.Nothing;
        try
        {
            while (!read.IsFull && TryReadLine(input.Span, ref position, out var start, out var length))
            {
                if (length > 0)
                {
                    TakeField(input.Span, start, length);
                    continue;
                }

                found = Dispatch(input, ref read);
                if (found > Dispatched.Message)
                {
                    break;
                }

                eventStart = position;
                skipsAtStart = _skipLineFeed;
            }
        }
        catch (Exception e) when (read.Count > 0 && e is MessageTooLargeException or MessageFramingException)
        {
            // Told by the next call, behind the messages that stand before it.
            _fault = e;
        }

        if (found == Dispatched.Closed)
        {
            read.Consumed = position;
            return ReadStatus.Closed;
        }

        if (read.Count > 0)
        {
            if (found != Dispatched.OwnedMessage && (position != eventStart || _searched > 0 || _isInLongComment))
            {
                // The event behind them is read from its beginning, in a table of its own.
                position = eventStart;
                StartEvent();
                _skipLineFeed = skipsAtStart;
                _isInLongComment = false;
                _searched = 0;
            }

            read.Consumed = position;
            return ReadStatus.Messages;
        }

        GatherLine(input.Span);
        read.Consumed = position;
        return ReadStatus.NeedMore;
    }

    // What is left of an event is dropped, as the standard says; and what the end means, the connection knows.
    public override ChannelCloseInfo? EndOfStream(int unread) => null;

    public override void ResetInput()
    {
        if (_isLent)
        {
            _isLent = false;
            _data.Clear(KeptMemory);
        }

        StartEvent();
        _isFirstLine = true;
        _skipLineFeed = false;
        _isInLongComment = false;
        _searched = 0;
    }

    public override void BeginScan()
    {
        _scanner.Begin(_isFirstLine, _skipLineFeed, _isInLongComment);
        _scanner.GoOn(_type.Span, _hasData, _isLent ? [] : _data.WrittenSpan);
    }

    public override ReadStatus Scan(ReadOnlySpan<byte> input, ref CodecRead read)
    {
        if (!_isOwn)
        {
            read.Consumed = input.Length;
            return ReadStatus.NeedMore;
        }

        read.Consumed = _scanner.Scan(input);
        read.Close = _scanner.Close;
        return read.Close is null ? ReadStatus.NeedMore : ReadStatus.Closed;
    }

    private bool TryReadLine(ReadOnlySpan<byte> bytes, ref int position, out int start, out int length)
    {
        length = 0;
        if (_skipLineFeed && position < bytes.Length)
        {
            _skipLineFeed = false;
            if (bytes[position] == '\n')
            {
                position++;
                _searched = Math.Max(0, _searched - 1);
            }
        }

        if (_isFirstLine && !SkipByteOrderMark(bytes, ref position))
        {
            start = position;
            return false;
        }

        start = position;
        var rest = bytes[position..];
        var searched = Math.Min(_searched, rest.Length);
        _searched = 0;
        var end = rest[searched..].IndexOfAny((byte)'\r', (byte)'\n');
        if (end < 0)
        {
            if (_isInLongComment || (rest.Length > LineOverhead && rest[0] == ':'))
            {
                // Nobody sees a comment, so its length is no matter.
                _isInLongComment = true;
                position = bytes.Length;
                return false;
            }

            if (rest.Length > _maxDataSize + LineOverhead)
            {
                throw new MessageTooLargeException(rest.Length, _maxMessageSize);
            }

            _searched = rest.Length;
            return false;
        }

        end += searched;
        length = end;
        if (_isInLongComment)
        {
            // Its last piece, which may be empty and yet is no blank line.
            _isInLongComment = false;
            _skipLineFeed = rest[end] == '\r';
            position += end + 1;
            return TryReadLine(bytes, ref position, out start, out length);
        }

        _skipLineFeed = rest[end] == '\r';
        position += end + 1;
        return true;
    }

    // Returns false while it may still be one.
    private bool SkipByteOrderMark(ReadOnlySpan<byte> bytes, ref int position)
    {
        var rest = bytes[position..];
        if (rest.Length < SseField.ByteOrderMark.Length && SseField.ByteOrderMark.StartsWith(rest))
        {
            return false;
        }

        _isFirstLine = false;
        if (rest.StartsWith(SseField.ByteOrderMark))
        {
            position += SseField.ByteOrderMark.Length;
        }

        return true;
    }

    private void TakeField(ReadOnlySpan<byte> input, int start, int length)
    {
        var field = new SseField(input.Slice(start, length));
        if (field.Name.IsEmpty)
        {
            return;
        }

        if (field.IsData)
        {
            TakeData(input, start + field.ValueOffset, field.Value.Length);
        }
        else if (field.IsEvent)
        {
            _type.Set(Bounded(field.Value));
        }
        else if (field.IsId)
        {
            _id.Set(Bounded(field.Value));
            _idChanged = true;
        }
        else if (field.TryReadRetry(out var milliseconds))
        {
            _retry = milliseconds;
        }
    }

    private void TakeData(ReadOnlySpan<byte> input, int start, int length)
    {
        var size = _hasData ? _dataSize + 1 + length : length;
        if (size > _maxDataSize)
        {
            throw new MessageTooLargeException(size, _maxMessageSize);
        }

        _dataSize = size;
        if (!_hasData)
        {
            _hasData = true;
            _lineStart = start;
            _lineLength = length;
            return;
        }

        GatherLine(input);
        _data.Write("\n"u8);
        _data.Write(input.Slice(start, length));
    }

    private void GatherLine(ReadOnlySpan<byte> input)
    {
        if (_lineStart >= 0)
        {
            _data.Write(input.Slice(_lineStart, _lineLength));
            _lineStart = -1;
        }
    }

    private static ReadOnlySpan<byte> Bounded(ReadOnlySpan<byte> value)
        => value.Length <= SseField.MaxNameLength
            ? value
            : throw new MessageFramingException($"An event's type or id has {value.Length} bytes; {SseField.MaxNameLength} are allowed.");
}
