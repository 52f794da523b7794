using System.Buffers;
using System.Text;

namespace Transports;

/// <summary>A channel over server-sent events, on either side: one event is one message.</summary>
internal sealed class SseMessageChannel : FramedMessageChannel, ISseFeature
{
    private readonly ByteConnection _connection;
    private readonly SseFraming _framing;
    private readonly SseDecoder _decoder;
    private readonly byte[]? _idPrefix;
    private readonly bool _sendsEnd;
    private readonly Func<Type, object?>? _features;
    private long _lastId;
    private bool _peerClosed;

    /// <summary>An open channel.</summary>
    /// <param name="connection">The event streams.</param>
    /// <param name="framing">Its framing.</param>
    /// <param name="context">What it is told about itself.</param>
    /// <param name="idPrefix">For a server whose clients may come back: what the number of each event follows in its id.</param>
    /// <param name="sendsEnd">Whether the channel's end can be said in an event.</param>
    /// <param name="features">More features.</param>
    public SseMessageChannel(
        ByteConnection connection,
        SseFraming framing,
        MessageChannelContext context,
        string? idPrefix,
        bool sendsEnd,
        Func<Type, object?>? features = null)
        : base(connection, framing, context)
    {
        _connection = connection;
        _framing = framing;
        _decoder = framing.Decoder!;
        framing.Channel = this;
        _idPrefix = idPrefix is null ? null : Encoding.ASCII.GetBytes(idPrefix);
        _sendsEnd = sendsEnd;
        _features = features;
    }

    public string EventType => _decoder.EventType;

    public string LastEventId => _decoder.LastEventId;

    public TimeSpan? Retry => _decoder.Retry is { } retry ? TimeSpan.FromMilliseconds(Math.Min(retry, int.MaxValue)) : null;

    protected override bool HasEnd => _sendsEnd;

    public static ChannelCharacteristics CharacteristicsOf(ChannelDirection direction, bool isReliable, bool isEncrypted, bool isMultiplexed) => new()
    {
        Direction = direction,
        IsReliable = isReliable,
        IsOrdered = true,
        PreservesBoundaries = true,
        PreservesKind = true,
        CarriesCloseStatus = true,
        IsEncrypted = isEncrypted,
        IsMultiplexed = isMultiplexed,
    };

    public override TFeature? GetFeature<TFeature>()
        where TFeature : class
        => base.GetFeature<TFeature>() ?? _features?.Invoke(typeof(TFeature)) as TFeature;

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

        // Marked by the memory it is in; the frame is written from it later, perhaps by another thread.
        return SendAsync(new Message(new NamedEvent(eventType, text).Memory, MessageKind.Text), cancellationToken);
    }

    /// <summary>The peer has said that it closes.</summary>
    internal void OnClose(ChannelCloseInfo info)
    {
        _peerClosed = true;
        if (info.Status == ChannelCloseStatus.ConnectionLost)
        {
            End(info);
            return;
        }

        EndByPeerInOrder(info);
    }

    /// <summary>The client has closed by a request of its own, or has not come back.</summary>
    internal void EndByRequest(ChannelCloseInfo info)
    {
        _peerClosed = true;
        End(info);
    }

    protected override MessageKind ReadKind(IFrameDecoder decoder) => _decoder.Kind;

    protected internal override void WriteFrame(in Message message, IBufferWriter<byte> output)
    {
        WriteId(output);
        if (NamedEvent.From(message) is { } named)
        {
            SseEventWriter.WriteType(output, named.Type);
        }

        SseEventWriter.Write(output, message.Payload, message.Kind, isPosted: Context.Side == ChannelSide.Client);
    }

    protected override void WriteEnd(ChannelCloseInfo info, IBufferWriter<byte> output)
    {
        _framing.EndWritten = true;
        WriteId(output);
        SseEventWriter.WriteNamed(
            output,
            SseWire.CloseEvent,
            _peerClosed ? nameof(ChannelCloseStatus.Normal) : SseWire.FormatClose(info.Status, info.Description));
    }

    protected override bool EndsInOrder(ChannelCloseInfo info)
        => !info.IsRemote && info.Status is ChannelCloseStatus.ProtocolError or ChannelCloseStatus.MessageTooLarge
            or ChannelCloseStatus.InternalError or ChannelCloseStatus.PolicyViolation;

    // Both ways, each side goes on taking what the other still sends, so that the other's sends do not fail before it has read
    // the end: the server until the client's last post, the client until the server ends the stream.
    protected internal override bool OnDrained(ReadOnlySpan<byte> bytes)
        => Characteristics.Direction != ChannelDirection.Bidirectional
            || (Context.Side == ChannelSide.Server && (_peerClosed || _framing.PeerEnded));

    protected internal override void OnInputEnd(int unfinished)
    {
        if (_peerClosed || IsClosing)
        {
            // A channel that closes has ended its stream itself.
            return;
        }

        // What is left of an event is dropped, as the standard says.
        var end = _connection.DescribeEnd();
        if (end is not null && Context.Side == ChannelSide.Server)
        {
            // Said beside the stream, and answered as if it had been said in it.
            OnClose(end);
        }
        else if (end is null)
        {
            throw new MessageChannelClosedException(new ChannelCloseInfo(
                ChannelCloseStatus.ConnectionLost,
                IsRemote: true,
                "The event stream has ended, and was not opened again."));
        }
    }

    protected override void ReleaseReceiveCore()
    {
        _decoder.Release();
        base.ReleaseReceiveCore();
    }

    private void WriteId(IBufferWriter<byte> output)
    {
        if (_idPrefix is not null)
        {
            SseEventWriter.WriteId(output, _idPrefix, ++_lastId);
        }
    }
}
