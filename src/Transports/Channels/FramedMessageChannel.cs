using System.IO.Pipelines;
using System.Net.Sockets;

namespace Transports.Extensibility;

/// <summary>A message channel over a stream of bytes and a codec: TCP, TLS, a pipe, a QUIC stream, a WebSocket, an event stream, a gRPC call.</summary>
/// <remarks>
/// <para>Receiving pulls: messages are found in what has arrived, and the connection is read only when no whole one is there, so
/// the connection's own flow control reaches the sender. While nobody receives, the channel still sees its peer: pings are answered, closes and breaks end it. Sending copies each message once; one write carries many.</para>
/// <para>Close: what was accepted is written and the peer told. The connection is then kept in the background until the peer
/// has finished too, at most for <see cref="MessageChannelOptions.CloseTimeout"/>, and what it still sends is dropped:
/// closing it with unread input would make TCP reset the connection and lose what was just sent.</para>
/// <para>A failed write ends sending, not the channel: what the peer sent before is received, and then the end told.</para>
/// </remarks>
public sealed partial class FramedMessageChannel : MessageChannelBase, IInPlaceSerializer, ICodecHost
{
    private readonly ByteConnection _connection;
    private readonly MessageCodec _codec;
    private readonly SendQueue _queue;
    private readonly FrameReader _reader;
    private readonly KeepAlive? _keepAlive;

    /// <summary>An open channel.</summary>
    /// <param name="connection">The bytes; the channel owns it from here on.</param>
    /// <param name="codec">What a frame is; this channel's alone.</param>
    /// <param name="context">What the channel is told about itself.</param>
    public FramedMessageChannel(ByteConnection connection, MessageCodec codec, MessageChannelContext context)
        : base(context)
    {
        ArgumentNullException.ThrowIfNull(connection);
        ArgumentNullException.ThrowIfNull(codec);
        _connection = connection;
        _codec = codec;
        _queue = new SendQueue(codec, this, Options, MaxMessageSize);
        _reader = new FrameReader(this, codec, connection, ReceiveGate, Options);
        if (codec.KeepAliveInterval != Timeout.InfiniteTimeSpan)
        {
            _keepAlive = new KeepAlive(this, _queue, _reader, codec.KeepAliveInterval, codec.KeepAliveTimeout, Options.TimeProvider);
        }

        codec.Attach(this);
        connection.Attach(this);
        ChannelTicker.Add(this, Options.TimeProvider);
        _keepAlive?.Start();
    }

    /// <summary>An open channel.</summary>
    /// <param name="connection">The bytes; the channel owns it from here on.</param>
    /// <param name="framing">How messages are cut out of them.</param>
    /// <param name="context">What the channel is told about itself.</param>
    public FramedMessageChannel(ByteConnection connection, IMessageFraming framing, MessageChannelContext context)
        : this(connection, CodecOf(framing, context), context)
    {
    }

    /// <summary>A channel over a connected stream socket.</summary>
    /// <param name="socket">The socket; the channel owns it from here on.</param>
    /// <param name="framing">How messages are cut; by default a length of four bytes, big-endian.</param>
    /// <param name="options">Limits and services; by default those of <see cref="MessageChannelOptions"/>.</param>
    public static FramedMessageChannel Create(Socket socket, IMessageFraming? framing = null, MessageChannelOptions? options = null)
        => Create(ByteConnection.Create(socket), "socket", framing, options);

    /// <summary>A channel over a duplex stream.</summary>
    /// <param name="stream">The stream; the channel owns it from here on.</param>
    /// <param name="framing">How messages are cut; by default a length of four bytes, big-endian.</param>
    /// <param name="options">Limits and services; by default those of <see cref="MessageChannelOptions"/>.</param>
    public static FramedMessageChannel Create(Stream stream, IMessageFraming? framing = null, MessageChannelOptions? options = null)
        => Create(ByteConnection.Create(stream), "stream", framing, options);

    /// <summary>A channel over a pair of pipes.</summary>
    /// <param name="pipe">The pipes; the channel owns them from here on.</param>
    /// <param name="framing">How messages are cut; by default a length of four bytes, big-endian.</param>
    /// <param name="options">Limits and services; by default those of <see cref="MessageChannelOptions"/>.</param>
    public static FramedMessageChannel Create(IDuplexPipe pipe, IMessageFraming? framing = null, MessageChannelOptions? options = null)
        => Create(ByteConnection.Create(pipe), "pipe", framing, options);

    /// <inheritdoc/>
    public ValueTask SendAsync<T>(T value, IMessageSerializer<T> serializer, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(serializer);
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled(cancellationToken);
        }

        return GetSendError() is { } error ? ValueTask.FromException(error) : _queue.SendAsync(value, serializer, cancellationToken);
    }

    /// <inheritdoc/>
    public bool TrySend<T>(T value, IMessageSerializer<T> serializer)
    {
        ArgumentNullException.ThrowIfNull(serializer);
        return GetSendError() is { } error ? throw error : _queue.TrySend(value, serializer);
    }

    /// <inheritdoc/>
    /// <remarks>Asks the codec, the connection and the context, in this order.</remarks>
    public override TFeature? GetFeature<TFeature>()
        where TFeature : class
        => (typeof(TFeature).IsInterface ? _codec.GetFeature<TFeature>() ?? _connection.GetFeature<TFeature>() : null)
            ?? base.GetFeature<TFeature>()
            ?? Context.Features?.Invoke(typeof(TFeature)) as TFeature;

    ValueTask ICodecHost.SendAsync(ICodecFrame frame, CancellationToken cancellationToken)
        => GetSendError() is { } error ? ValueTask.FromException(error) : _queue.SendAsync(frame, cancellationToken);

    void ICodecHost.Terminate(ChannelCloseInfo info) => Terminate(info);

    /// <inheritdoc/>
    protected override ValueTask SendCoreAsync(in Message message, CancellationToken cancellationToken)
        => _queue.SendAsync(message, cancellationToken);

    /// <inheritdoc/>
    protected override bool TrySendCore(in Message message) => _queue.TrySend(message);

    /// <inheritdoc/>
    protected override ValueTask SendBatchCoreAsync(ReadOnlyMemory<Message> batch, CancellationToken cancellationToken)
        => _queue.SendAsync(batch, cancellationToken);

    /// <inheritdoc/>
    protected override ValueTask FlushCoreAsync(CancellationToken cancellationToken)
        => _queue.FlushAsync(cancellationToken);

    /// <inheritdoc/>
    protected override bool ReceiveCore(ref ReceivedMessages messages) => _reader.TryRead(ref messages);

    /// <inheritdoc/>
    protected override ValueTask<bool> WaitToReceiveCoreAsync(CancellationToken cancellationToken)
    {
        _queue.FlushBeforeWaiting();
        _queue.NoteRead();
        return _reader.ReadMoreAsync(cancellationToken);
    }

    private static MessageCodec CodecOf(IMessageFraming framing, MessageChannelContext context)
    {
        ArgumentNullException.ThrowIfNull(framing);
        ArgumentNullException.ThrowIfNull(context);
        return FramingCodec.Create(framing, Math.Min(context.Characteristics.MaxMessageSize, context.Options.MaxMessageSize));
    }

    private static FramedMessageChannel Create(ByteConnection connection, string transport, IMessageFraming? framing, MessageChannelOptions? options)
    {
        options ??= new MessageChannelOptions();
        options.Validate();
        return new FramedMessageChannel(connection, framing ?? LengthPrefixedFraming.Default, new MessageChannelContext
        {
            TransportName = transport,
            Side = ChannelSide.Client,
            Options = options,
            Characteristics = new ChannelCharacteristics
            {
                IsReliable = true,
                IsOrdered = true,
                SupportsHalfClose = connection.SupportsHalfClose,
                MaxMessageSize = options.MaxMessageSize,
            },
        });
    }
}
