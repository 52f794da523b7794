using System.Buffers;
using System.IO.Pipelines;
using System.Net.Sockets;

namespace Transports;

/// <summary>A message channel over a stream of bytes and a framing: TCP, TLS, a pipe, a QUIC stream.</summary>
/// <remarks>
/// <para>Receiving pulls: frames are cut from what has arrived, and the connection is read only when no whole one is there, so
/// the connection's own flow control reaches the sender. Sending copies each message once; one write carries many.</para>
/// <para>Close: what was accepted is written and the peer told. The connection is then kept in the background until the peer
/// has finished too, at most for <see cref="MessageChannelOptions.CloseTimeout"/>, and what it still sends is dropped:
/// closing it with unread input would make TCP reset the connection and lose what was just sent.</para>
/// </remarks>
public class FramedMessageChannel : MessageChannelBase, ISerializingChannel, IFrameSenderChannel
{
    private readonly ByteConnection _connection;
    private readonly IMessageFraming _framing;
    private readonly IHeaderFraming? _headerFraming;
    private readonly int _maxHeaderSize;
    private readonly FrameSender _sender;
    private readonly FrameReceiver _receiver;
    private readonly CancellationTokenSource _ended = new();
    private bool _writesCompleted;
    private bool _givingBack;

    /// <summary>An open channel.</summary>
    /// <param name="connection">The bytes; the channel owns it from here on.</param>
    /// <param name="framing">How messages are cut out of them.</param>
    /// <param name="context">What the channel is told about itself.</param>
    public FramedMessageChannel(ByteConnection connection, IMessageFraming framing, MessageChannelContext context)
        : base(context)
    {
        ArgumentNullException.ThrowIfNull(connection);
        ArgumentNullException.ThrowIfNull(framing);
        _connection = connection;
        _framing = framing;
        _headerFraming = framing as IHeaderFraming;
        _maxHeaderSize = _headerFraming?.MaxHeaderSize ?? 0;
        _sender = new FrameSender(this, framing, Options, MaxMessageSize);
        _receiver = new FrameReceiver(this, connection, framing, Options, MaxMessageSize);
    }

    /// <summary>The framing.</summary>
    public IMessageFraming Framing => _framing;

    /// <summary><see langword="true"/> while a receive waits for bytes of the peer, and has looked at all that came. A hint, for keep-alives.</summary>
    protected bool IsWaitingForPeer => _receiver.IsWaitingForBytes;

    /// <summary><see langword="true"/> for a protocol that has a last word to say before its connection ends: <see cref="WriteEnd"/> is called then.</summary>
    protected virtual bool HasEnd => false;

    bool IFrameSenderChannel.HasBufferedInput => _receiver.HasBufferedInput;

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
        return cancellationToken.IsCancellationRequested
            ? ValueTask.FromCanceled(cancellationToken)
            : _sender.SendAsync(value, serializer, cancellationToken);
    }

    ValueTask IFrameSenderChannel.WriteAsync(ReadOnlyMemory<byte> frames) => _connection.WriteAsync(frames);

    void IFrameSenderChannel.OnWriteFailed(Exception error) => End(_connection.DescribeFailure(error));

    Exception? IFrameSenderChannel.SendRefusal() => RefuseSend();

    void IFrameSenderChannel.WriteFrame(in Message message, IBufferWriter<byte> output) => WriteFrame(message, output);

    int IFrameSenderChannel.WriteHeader(IHeaderFraming framing, long payloadLength, MessageKind kind, Span<byte> header)
        => WriteHeader(framing, payloadLength, kind, header);

    internal void OnEndOfStream()
    {
        if (_connection.DescribeEnd() is { } info && EndByPeer(info))
        {
            // No abort: the protocol has ended in order. What was not sent has nobody to read it.
            _sender.Fail(new MessageChannelClosedException(info));
            _ended.Cancel();
            _ = DisposeWhenQuietAsync();
        }
    }

    /// <summary>Writes one message into the output. Override where the frame says more than the payload, such as the kind.</summary>
    /// <param name="message">The message.</param>
    /// <param name="output">Where to. What was written is taken back when this throws.</param>
    protected internal virtual void WriteFrame(in Message message, IBufferWriter<byte> output)
    {
        var payload = message.Payload;
        if (_headerFraming is { } framing && payload.IsSingleSegment && output is FrameBuffer buffer)
        {
            buffer.AppendFrame(framing, _maxHeaderSize, payload.FirstSpan);
            return;
        }

        _framing.WriteFrame(payload, output);
    }

    /// <summary>Writes the header of a payload serialized in place. Override together with <see cref="WriteFrame"/>.</summary>
    /// <param name="framing">The framing.</param>
    /// <param name="payloadLength">The payload's length in bytes.</param>
    /// <param name="kind">The payload's kind.</param>
    /// <param name="header">Where to; at least <see cref="IHeaderFraming.MaxHeaderSize"/> bytes.</param>
    /// <returns>How many bytes were written.</returns>
    protected internal virtual int WriteHeader(IHeaderFraming framing, long payloadLength, MessageKind kind, Span<byte> header)
        => framing.WriteHeader(payloadLength, header);

    /// <summary>The kind of the message just read. Override where the frame says it; elsewhere every message is binary.</summary>
    /// <param name="decoder">The decoder that read it.</param>
    protected virtual MessageKind ReadKind(IFrameDecoder decoder) => MessageKind.Binary;

    /// <summary>Writes the protocol's last word, behind all that was accepted. Called once at most, and only where <see cref="HasEnd"/>.</summary>
    /// <param name="info">How the channel ends.</param>
    /// <param name="output">Where to.</param>
    protected virtual void WriteEnd(ChannelCloseInfo info, IBufferWriter<byte> output)
    {
    }

    /// <summary>The stream has ended. Throws where the protocol does not allow it here.</summary>
    /// <param name="unfinished">How many bytes were received and are no whole frame.</param>
    protected internal virtual void OnInputEnd(int unfinished)
    {
        if (unfinished > 0)
        {
            throw new MessageFramingException(
                $"The stream ended inside a frame: {unfinished} bytes of an unfinished message are left. The peer was cut off, or uses another framing.");
        }
    }

    /// <summary>Looks at what the peer sends after this side has closed: bytes nobody will receive. Called in order, from the first that was not received on; must not throw.</summary>
    /// <param name="bytes">The bytes; may be empty.</param>
    /// <returns><see langword="true"/> when the peer has said its last word, so that the connection can be given back before its end.</returns>
    protected internal virtual bool OnDrained(ReadOnlySpan<byte> bytes) => false;

    /// <summary>Whether the channel can still say its last word and finish in order after this end, which this side decided on. By default it breaks off.</summary>
    /// <param name="info">How it ended.</param>
    protected virtual bool EndsInOrder(ChannelCloseInfo info) => false;

    /// <summary>Sends bytes of the protocol's own, such as a pong, behind what was accepted. Does not wait.</summary>
    /// <typeparam name="TState">What <paramref name="write"/> is given.</typeparam>
    /// <param name="state">Given to <paramref name="write"/>.</param>
    /// <param name="write">Writes a few bytes. Called under the channel's send lock; must not throw.</param>
    /// <returns><see langword="false"/> when the channel is ending, or its output is full and stays so.</returns>
    protected bool TryWriteControl<TState>(TState state, Action<TState, IBufferWriter<byte>> write)
        => _sender.TryWriteControl(state, write);

    /// <summary>
    /// The peer has said inside its stream that it sends no more: a receive returns <see langword="null"/> from now on, and what was read behind
    /// it is dropped. For the receiving thread, in place of handing out a message.
    /// </summary>
    protected void EndInput() => _receiver.EndInput();

    /// <summary>
    /// The peer has said its protocol's last word. Answers with <see cref="WriteEnd"/>, ends the channel, and gives the connection back in
    /// the background. For the receiving thread; what was read behind it is dropped.
    /// </summary>
    /// <param name="info">How the peer ended it.</param>
    protected void EndByPeerInOrder(ChannelCloseInfo info)
    {
        _receiver.EndInput();
        EndByPeer(info);
        Finish(info);
        _ = LingerAsync(flush: true);
    }

    /// <inheritdoc/>
    protected sealed override ValueTask SendCoreAsync(Message message, CancellationToken cancellationToken)
        => _sender.SendAsync(message, cancellationToken);

    /// <inheritdoc/>
    protected sealed override ValueTask SendBatchCoreAsync(ReadOnlyMemory<Message> batch, CancellationToken cancellationToken)
        => _sender.SendAsync(batch, cancellationToken);

    /// <inheritdoc/>
    protected sealed override ValueTask FlushCoreAsync(CancellationToken cancellationToken)
        => _sender.FlushAsync(cancellationToken);

    /// <inheritdoc/>
    protected sealed override bool TryReceiveCore(out ReadOnlySequence<byte> payload, out MessageKind kind)
    {
        if (!_receiver.TryRead(out payload))
        {
            kind = default;
            return false;
        }

        kind = ReadKind(_receiver.Decoder);
        return true;
    }

    /// <inheritdoc/>
    protected sealed override ValueTask<bool> WaitToReceiveCoreAsync(CancellationToken cancellationToken)
    {
        _sender.FlushBeforeWaiting();
        _sender.NoteRead();
        return _receiver.ReadMoreAsync(cancellationToken);
    }

    /// <inheritdoc/>
    protected sealed override async ValueTask CompleteSendingCoreAsync(CancellationToken cancellationToken)
    {
        try
        {
            await _sender.FlushAllAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // The promise is that the half-close happens all the same.
            _ = CompleteWritesLaterAsync();
            throw;
        }

        await CompleteWritesAsync().ConfigureAwait(false);
    }

    /// <inheritdoc/>
    protected sealed override async ValueTask CloseCoreAsync(ChannelCloseStatus status, string? description, CancellationToken cancellationToken)
    {
        _sender.FailWaiting(ClosedException());
        Finish(new ChannelCloseInfo(status, IsRemote: false, description));
        await _sender.FlushAllAsync(cancellationToken).ConfigureAwait(false);
        _sender.Fail(ClosedException());

        // TLS writes its own end, which a peer that does not read can hold up like any other write.
        var completing = CompleteWritesAsync(closing: true, status, description).AsTask();

        // When the wait is given up, the abort that follows makes it fail, and that must not be reported as unobserved.
        Observe(completing);
        await completing.WaitAsync(cancellationToken).ConfigureAwait(false);
        _ = LingerAsync(flush: false);
    }

    /// <inheritdoc/>
    protected sealed override void AbortCore(ChannelCloseInfo info)
    {
        if (HasEnd && EndsInOrder(info))
        {
            Finish(info);
            _ = LingerAsync(flush: true);
            return;
        }

        _connection.Abort(info);
        _sender.Fail(new MessageChannelClosedException(info));
        _ended.Cancel();
        _ = DisposeWhenQuietAsync();
    }

    /// <inheritdoc/>
    protected override void OnEnded() => _receiver.Wake();

    /// <inheritdoc/>
    protected override void ReleaseReceiveCore() => _receiver.Release();

    private static FramedMessageChannel Create(ByteConnection connection, string transport, IMessageFraming? framing, MessageChannelOptions? options)
    {
        options ??= new MessageChannelOptions();
        options.Validate();
        return new FramedMessageChannel(connection, framing ?? LengthPrefixedFraming.Default, new MessageChannelContext
        {
            Transport = transport,
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

    private async ValueTask CompleteWritesAsync(bool closing = false, ChannelCloseStatus status = default, string? description = null)
    {
        var completed = Interlocked.Exchange(ref _writesCompleted, true);
        if (completed && !closing)
        {
            return;
        }

        try
        {
            await (completed ? _connection.CloseAfterCompletedWritesAsync(status, description)
                : closing ? _connection.CompleteWritesAsync(status, description)
                : _connection.CompleteWritesAsync()).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            // Keeps the first end, when an abort has come first.
            End(_connection.DescribeFailure(e));
            throw ClosedException();
        }
    }

    private async Task CompleteWritesLaterAsync()
    {
        try
        {
            await _sender.FlushAllAsync(CancellationToken.None).ConfigureAwait(false);
            await CompleteWritesAsync().ConfigureAwait(false);
            MarkSendingEnded();
        }
        catch (TransportException)
        {
            // The channel has ended, and says so itself.
        }
    }

    private void Finish(ChannelCloseInfo info)
    {
        if (HasEnd)
        {
            _sender.Finish(new MessageChannelClosedException(info), (Channel: this, Info: info), static (end, output) => end.Channel.WriteEnd(end.Info, output));
        }
    }

    // Waits for the peer's end, then gives the connection back.
    private async Task LingerAsync(bool flush)
    {
        if (Interlocked.Exchange(ref _givingBack, true))
        {
            return;
        }

        Task? draining = null;
        try
        {
            if (flush)
            {
                // No close call waits for this: the peer or the protocol ended the channel.
                var flushing = _sender.FlushAsync(CancellationToken.None).AsTask();
                Observe(flushing);
                await flushing.WaitAsync(Options.CloseTimeout, Options.TimeProvider).ConfigureAwait(false);
                if (!Interlocked.Exchange(ref _writesCompleted, true))
                {
                    await _connection.CompleteWritesAsync().ConfigureAwait(false);
                }
                else
                {
                    await _connection.CloseAfterCompletedWritesAsync(ChannelCloseStatus.Normal, null).ConfigureAwait(false);
                }
            }

            draining = _receiver.DrainAsync();
            await draining.WaitAsync(Options.CloseTimeout, Options.TimeProvider, _ended.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // The peer goes on, or broke off: either way this side is done with it.
            _connection.Abort();
            draining ??= _receiver.DrainAsync();
        }

        _sender.Fail(ClosedException());
        await GiveBackAsync(draining).ConfigureAwait(false);
    }

    private async Task DisposeWhenQuietAsync()
    {
        // A close that was overtaken by an abort gives the connection back itself.
        if (!Interlocked.Exchange(ref _givingBack, true))
        {
            await GiveBackAsync(_receiver.DrainAsync()).ConfigureAwait(false);
        }
    }

    private async Task GiveBackAsync(Task reading)
    {
        await reading.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _sender.WhenQuietAsync().ConfigureAwait(false);
        try
        {
            await _connection.DisposeAsync().ConfigureAwait(false);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            Log.DisposeFailed(Logger, e, Id);
        }
    }
}
