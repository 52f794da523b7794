using System.Buffers;
using System.Text;

namespace Transports.Sse;

/// <summary>Server-sent events (HTML standard, section 9.2): a message is an event.</summary>
internal sealed partial class SseCodec : MessageCodec, ISseFeature
{
    private readonly ChannelSide _side;
    private readonly ChannelDirection _direction;
    private readonly bool _isOwn;
    private readonly int _maxMessageSize;
    private readonly byte[]? _idPrefix;
    private ICodecHost? _host;
    private long _lastNumber;

    /// <param name="side">Which end this is.</param>
    /// <param name="direction">Who sends.</param>
    /// <param name="isOwn">The peer is this library's, so its event types mean what <see cref="SseWire"/> says. Elsewhere an event is an event.</param>
    /// <param name="options">Limits and services.</param>
    /// <param name="idPrefix">For a server whose clients may come back: what the number of each event follows in its id.</param>
    public SseCodec(ChannelSide side, ChannelDirection direction, bool isOwn, MessageChannelOptions options, string? idPrefix = null)
    {
        _side = side;
        _direction = direction;
        _isOwn = isOwn;
        _maxMessageSize = options.MaxMessageSize;

        // As base64, or as it is, whichever is longer.
        _maxDataSize = SseWire.EncodedSize(_maxMessageSize) + 1;
        _data = new PooledBufferWriter(options.BufferPool);
        _scanner = new SseScanner(isOwn);
        _idPrefix = idPrefix is null ? null : Encoding.ASCII.GetBytes(idPrefix);
    }

    public override bool PreservesMessageKind => true;

    // Where both send, the client is the one that waits: its last post is taken before the server ends the stream.
    public override bool EndsConnection => _side == ChannelSide.Server || _direction == ChannelDirection.UnidirectionalReceive;

    public string EventType => _lastType.Length == 0 ? "message" : Encoding.UTF8.GetString(_lastType.Span);

    public string LastEventId => _lastIdText ??= Encoding.UTF8.GetString(_lastId.Span);

    public TimeSpan? ReconnectDelay => _retry is { } retry ? TimeSpan.FromMilliseconds(Math.Min(retry, int.MaxValue)) : null;

    private bool Sends => _direction != ChannelDirection.UnidirectionalReceive;

    public override void Attach(ICodecHost host) => _host = host;

    public override void Write(in Message message, OutputBuffer output)
    {
        WriteId(output);
        SseEventWriter.Write(output, message.Payload, message.Kind, isPosted: _side == ChannelSide.Client);
        _lastNumber++;
    }

    public override void Write(ReadOnlySpan<Message> batch, OutputBuffer output)
    {
        var before = _lastNumber;
        try
        {
            base.Write(batch, output);
        }
        catch
        {
            // Taken back all together, and numbers have no gaps.
            _lastNumber = before;
            throw;
        }
    }

    public override bool TryWriteClose(ChannelCloseInfo info, ChannelCloseInfo? peerClose, OutputBuffer output)
    {
        if (!Sends)
        {
            return false;
        }

        WriteId(output);
        SseEventWriter.WriteNamed(
            output,
            SseWire.CloseEvent,
            peerClose is null ? SseWire.FormatClose(info.Status, info.Description) : nameof(ChannelCloseStatus.Normal));
        _lastNumber++;
        return true;
    }

    public override bool CanTellEnd(ChannelCloseInfo info)
        => Sends && !info.IsRemote && info.Status is ChannelCloseStatus.ProtocolError or ChannelCloseStatus.MessageTooLarge
            or ChannelCloseStatus.InternalError or ChannelCloseStatus.PolicyViolation;

    public ValueTask SendEventAsync(string eventType, string text, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(eventType);
        ArgumentNullException.ThrowIfNull(text);
        if (eventType.AsSpan().IndexOfAny('\r', '\n') >= 0 || eventType is "binary" or "text-base64" or "close" or "session")
        {
            throw new ArgumentException($"'{eventType}' cannot be an event's type: it must be one line, and binary, text-base64, close and session are taken.", nameof(eventType));
        }

        if (text.Contains('\r', StringComparison.Ordinal))
        {
            throw new ArgumentException("An event's data cannot hold a CR: the standard reads it as the end of a line. Use LF.", nameof(text));
        }

        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled(cancellationToken);
        }

        var bytes = Encoding.UTF8.GetBytes(text);
        return bytes.Length > _maxMessageSize
            ? ValueTask.FromException(new MessageTooLargeException(bytes.Length, _maxMessageSize))
            : _host!.SendAsync(new NamedEvent(this, eventType, bytes), cancellationToken);
    }

    /// <summary>Writes an event of a type of the sender's. Under the send gate.</summary>
    public void WriteNamed(string type, ReadOnlyMemory<byte> text, OutputBuffer output)
    {
        WriteId(output);
        SseEventWriter.WriteType(output, type);
        SseEventWriter.Write(output, new ReadOnlySequence<byte>(text), MessageKind.Text);
        _lastNumber++;
    }

    public override void Release(bool abandon)
    {
        if (abandon && _isLent)
        {
            _data.Abandon();
        }

        _isLent = false;
        _data.Clear();
    }

    private void WriteId(OutputBuffer output)
    {
        if (_idPrefix is not null)
        {
            SseEventWriter.WriteId(output, _idPrefix, _lastNumber + 1);
        }
    }
}
