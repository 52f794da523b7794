using System.Text;

namespace Transports.Sse;

/// <summary>
/// Follows an event stream without keeping its data: knows the last id, the reconnection time, and the close of a peer of this library. For the connection, which
/// has to name the last event that has arrived when it reconnects, received or not; and for looking at bytes that nobody receives.
/// </summary>
/// <remarks>Of a line that comes in pieces only what may matter is kept. Never throws: what is wrong with a stream is the codec's to say.</remarks>
/// <param name="isOwn">The peer is this library's, so its event types mean what <see cref="SseWire"/> says.</param>
internal sealed class SseScanner(bool isOwn)
{
    // By so many bytes the lines that matter can be told from the others.
    private const int LineBeginning = 8;

    private const int MaxLineLength = SseField.MaxNameLength + 16;

    private readonly SseText _line = new();
    private readonly SseText _id = new();
    private readonly SseText _lastId = new();
    private readonly SseText _closeText = new();
    private bool _isInLine;
    private bool _isFirstLine = true;
    private bool _skipLineFeed;
    private bool _idChanged;
    private bool _hasData;
    private bool _isClose;
    private volatile ChannelCloseInfo? _close;

    /// <summary>How the peer has closed, or <see langword="null"/> while it has not. May be asked by any thread.</summary>
    public ChannelCloseInfo? Close => _close;

    /// <summary>The id of the last event that was complete, which a reconnecting client names.</summary>
    public string LastEventId => Encoding.UTF8.GetString(_lastId.Span);

    /// <summary>The reconnection time the server asked for, in milliseconds.</summary>
    public long? Retry { get; private set; }

    /// <summary>Looks at the next bytes.</summary>
    /// <returns>How many: all, or as far as the event that closes.</returns>
    public int Scan(ReadOnlySpan<byte> bytes)
    {
        var rest = bytes;
        while (!rest.IsEmpty && _close is null)
        {
            if (_skipLineFeed)
            {
                _skipLineFeed = false;
                if (rest[0] == '\n')
                {
                    rest = rest[1..];
                    continue;
                }
            }

            var end = rest.IndexOfAny((byte)'\r', (byte)'\n');
            if (end < 0)
            {
                KeepBeginning(rest);
                return bytes.Length;
            }

            var line = rest[..end];
            _skipLineFeed = rest[end] == '\r';
            rest = rest[(end + 1)..];
            if (_isInLine)
            {
                KeepBeginning(line);
                line = _line.Span;
            }

            TakeLine(line);
            _isInLine = false;
            _line.Clear();
        }

        return bytes.Length - rest.Length;
    }

    /// <summary>Another stream begins: what is unfinished of the old one is dropped.</summary>
    public void StartStream() => Begin(isFirstLine: true, skipLineFeed: false, isInComment: false);

    /// <summary>Begins in the middle of a stream, between two events or inside one.</summary>
    /// <param name="isFirstLine">Before the stream's first line.</param>
    /// <param name="skipLineFeed">Behind a CR, to which a LF belongs.</param>
    /// <param name="isInComment">Inside a comment.</param>
    public void Begin(bool isFirstLine, bool skipLineFeed, bool isInComment)
    {
        StartEvent();
        _isFirstLine = isFirstLine;
        _skipLineFeed = skipLineFeed;
        _isInLine = isInComment;
        _line.Set(isInComment ? ":"u8 : []);
    }

    /// <summary>The event has begun before, with these lines.</summary>
    /// <param name="type">Its type.</param>
    /// <param name="hasData">Whether it has data.</param>
    /// <param name="data">Its data.</param>
    public void GoOn(ReadOnlySpan<byte> type, bool hasData, ReadOnlySpan<byte> data)
    {
        _hasData = hasData;
        _isClose = isOwn && type.SequenceEqual(SseWire.CloseEvent);
        if (_isClose)
        {
            _closeText.Set(data[..Math.Min(data.Length, MaxLineLength)]);
        }
    }

    private void KeepBeginning(ReadOnlySpan<byte> piece)
    {
        _isInLine = true;
        var begins = Math.Min(piece.Length, Math.Max(0, LineBeginning - _line.Length));
        _line.Append(piece[..begins]);
        piece = piece[begins..];
        if (!piece.IsEmpty && Matters(_line.Span))
        {
            _line.Append(piece[..Math.Min(piece.Length, MaxLineLength - _line.Length)]);
        }
    }

    private bool Matters(ReadOnlySpan<byte> line)
        => line.StartsWith("id"u8) || line.StartsWith("event"u8) || line.StartsWith("retry"u8) || (_isClose && line.StartsWith("data"u8))
            || (_isFirstLine && line.StartsWith(SseField.ByteOrderMark));

    private void TakeLine(ReadOnlySpan<byte> line)
    {
        if (_isFirstLine)
        {
            _isFirstLine = false;
            line = line.StartsWith(SseField.ByteOrderMark) ? line[SseField.ByteOrderMark.Length..] : line;
        }

        if (line.IsEmpty)
        {
            EndEvent();
            return;
        }

        var field = new SseField(line);
        if (field.IsData)
        {
            TakeData(field.Value);
        }
        else if (field.IsEvent)
        {
            // Its peers write the type first; one that comes behind the data is found when it is received.
            _isClose = isOwn && !_hasData && field.Value.SequenceEqual(SseWire.CloseEvent);
        }
        else if (field.IsId && field.Value.Length <= SseField.MaxNameLength)
        {
            _id.Set(field.Value);
            _idChanged = true;
        }
        else if (field.TryReadRetry(out var milliseconds))
        {
            Retry = milliseconds;
        }
    }

    private void TakeData(ReadOnlySpan<byte> value)
    {
        if (_isClose)
        {
            if (_hasData)
            {
                _closeText.Append("\n"u8);
            }

            _closeText.Append(value[..Math.Clamp(MaxLineLength - _closeText.Length, 0, value.Length)]);
        }

        _hasData = true;
    }

    private void EndEvent()
    {
        if (_idChanged)
        {
            _lastId.Set(_id.Span);
        }

        if (_isClose && _hasData)
        {
            _close = SseWire.ParseClose(Encoding.UTF8.GetString(_closeText.Span));
        }

        StartEvent();
    }

    private void StartEvent()
    {
        _idChanged = false;
        _hasData = false;
        _isClose = false;
        _closeText.Clear();
    }
}
