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
public class FramedMessageChannel : MessageChannelBase, ISerializingChannel
{
    private readonly ByteConnection _connection;
    private readonly IMessageFraming _framing;
    private readonly FrameSender _sender;
    private readonly FrameReceiver _receiver;
    private readonly CancellationTokenSource _ended = new();
    private bool _writesCompleted;

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
        _sender = new FrameSender(this, connection, framing, Options, MaxMessageSize);
        _receiver = new FrameReceiver(connection, framing, Options, MaxMessageSize);
    }

    /// <summary>The framing.</summary>
    public IMessageFraming Framing => _framing;

    internal bool HasBufferedInput => _receiver.HasBufferedInput;

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

    internal void OnWriteFailed(Exception error) => End(_connection.DescribeFailure(error));

    internal Exception? SendRefusal() => RefuseSend();

    /// <summary>Writes one message into the output. Override where the frame says more than the payload, such as the kind.</summary>
    /// <param name="message">The message.</param>
    /// <param name="output">Where to. What was written is taken back when this throws.</param>
    protected internal virtual void WriteFrame(in Message message, IBufferWriter<byte> output)
        => _framing.WriteFrame(message.Payload, output);

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
        kind = MessageKind.Binary;
        return _receiver.TryRead(out payload);
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
            await _sender.FlushAsync(cancellationToken).ConfigureAwait(false);
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
        await _sender.FlushAsync(cancellationToken).ConfigureAwait(false);
        _sender.Fail(ClosedException());

        // TLS writes its own end, which a peer that does not read can hold up like any other write.
        await CompleteWritesAsync().AsTask().WaitAsync(cancellationToken).ConfigureAwait(false);
        _ = LingerAsync();
    }

    /// <inheritdoc/>
    protected sealed override void AbortCore(ChannelCloseInfo info)
    {
        _connection.Abort();
        _sender.Fail(new MessageChannelClosedException(info));
        _ended.Cancel();
        _ = DisposeWhenQuietAsync();
    }

    /// <inheritdoc/>
    protected sealed override void OnEnded() => _receiver.Wake();

    /// <inheritdoc/>
    protected sealed override void ReleaseReceiveCore() => _receiver.Release();

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

    private async ValueTask CompleteWritesAsync()
    {
        if (Interlocked.Exchange(ref _writesCompleted, true))
        {
            return;
        }

        try
        {
            await _connection.CompleteWritesAsync().ConfigureAwait(false);
        }
        catch (Exception e) when (!IsEndedAlready)
        {
            var info = _connection.DescribeFailure(e);
            End(info);
            throw new MessageChannelClosedException(info);
        }
    }

    private bool IsEndedAlready => CloseInfo is not null;

    private async Task CompleteWritesLaterAsync()
    {
        try
        {
            await _sender.FlushAsync(CancellationToken.None).ConfigureAwait(false);
            await CompleteWritesAsync().ConfigureAwait(false);
        }
        catch (TransportException)
        {
            // The channel has ended, and says so itself.
        }
    }

    // Waits for the peer's end, then gives the connection back.
    private async Task LingerAsync()
    {
        var draining = _receiver.DrainAsync();
        try
        {
            await draining.WaitAsync(Options.CloseTimeout, Options.TimeProvider, _ended.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // The peer goes on, or broke off: either way this side is done with it.
            _connection.Abort();
        }

        await GiveBackAsync(draining).ConfigureAwait(false);
    }

    private async Task DisposeWhenQuietAsync() => await GiveBackAsync(_receiver.DrainAsync()).ConfigureAwait(false);

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
