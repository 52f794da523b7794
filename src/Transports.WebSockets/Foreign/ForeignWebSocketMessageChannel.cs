using System.Globalization;
using System.Net.WebSockets;

namespace Transports.WebSockets;

/// <summary>A channel over a <see cref="WebSocket"/> of somebody else's making: one send and one or more receives of it a message.</summary>
/// <remarks>
/// Sends gather in a <see cref="SendQueue"/> as records; the sink takes the records out and sends each. An end is told behind what has arrived before it, as everywhere;
/// but a failed send is <see cref="IMessageChannel.Closed"/> at once.
/// </remarks>
internal sealed class ForeignWebSocketMessageChannel : MessageChannelBase, IInPlaceSerializer, IWebSocketFeature, IFrameSink
{
    private readonly WebSocket _webSocket;
    private readonly SendQueue _queue;
    private readonly ForeignWebSocketWriter _writer;
    private readonly ForeignWebSocketReader _reader;
    private readonly Action? _disposed;
    private ChannelCloseInfo? _peerClose;
    private bool _sendFailed;
    private bool _releasing;

    /// <summary>A channel over an open WebSocket, which it owns from here on.</summary>
    /// <param name="webSocket">The WebSocket.</param>
    /// <param name="context">What the channel is told about itself.</param>
    /// <param name="disposed">Called once the WebSocket is given back.</param>
    public ForeignWebSocketMessageChannel(WebSocket webSocket, MessageChannelContext context, Action? disposed = null)
        : base(context)
    {
        _webSocket = webSocket;
        _disposed = disposed;
        _queue = new SendQueue(new RecordCodec(), this, Options, MaxMessageSize);
        _writer = new ForeignWebSocketWriter(webSocket, Options, OnStuck);
        _reader = new ForeignWebSocketReader(webSocket, Options, MaxMessageSize);
        _ = ReadAsync();
    }

    public string? SubProtocol => _webSocket.SubProtocol;

    // Its own matter, and not to be seen from outside.
    public bool IsCompressed => false;

    bool IFrameSink.HasUnreadInput => _reader.HasUnread;

    public override TFeature? GetFeature<TFeature>()
        where TFeature : class
        => base.GetFeature<TFeature>() ?? _webSocket as TFeature ?? Context.Features?.Invoke(typeof(TFeature)) as TFeature;

    public ValueTask SendAsync<T>(T value, IMessageSerializer<T> serializer, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(serializer);
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled(cancellationToken);
        }

        return GetSendError() is { } error ? ValueTask.FromException(error) : _queue.SendAsync(value, serializer, cancellationToken);
    }

    public bool TrySend<T>(T value, IMessageSerializer<T> serializer)
    {
        ArgumentNullException.ThrowIfNull(serializer);
        return GetSendError() is { } error ? throw error : _queue.TrySend(value, serializer);
    }

    ValueTask IFrameSink.WriteAsync(ReadOnlyMemory<byte> frames) => _writer.WriteAsync(frames);

    Exception IFrameSink.OnWriteFailed(Exception error)
    {
        var info = Lost(error);
        Volatile.Write(ref _sendFailed, true);
        if (Terminate(info, abort: false))
        {
            // What the peer sent before is there to be received.
            _ = ReleaseAsync(_reader.Over);
        }

        if (_reader.IsDropping)
        {
            _webSocket.Abort();
        }

        return new MessageChannelClosedException(CloseInfo ?? info);
    }

    protected override ValueTask SendCoreAsync(in Message message, CancellationToken cancellationToken) => _queue.SendAsync(message, cancellationToken);

    protected override bool TrySendCore(in Message message) => _queue.TrySend(message);

    protected override ValueTask SendBatchCoreAsync(ReadOnlyMemory<Message> batch, CancellationToken cancellationToken) => _queue.SendAsync(batch, cancellationToken);

    protected override ValueTask FlushCoreAsync(CancellationToken cancellationToken) => _queue.FlushAsync(cancellationToken);

    protected override bool ReceiveCore(ref ReceivedMessages messages) => _reader.TryTake(ref messages);

    protected override ValueTask<bool> WaitToReceiveCoreAsync(CancellationToken cancellationToken)
    {
        _queue.FlushBeforeWaiting();
        _queue.NoteRead();
        return _reader.WaitAsync(cancellationToken);
    }

    protected override async ValueTask CloseCoreAsync(ChannelCloseInfo info, CancellationToken cancellationToken)
    {
        _queue.Refuse(ClosedException(), alsoWaiting: true);
        _queue.TryClose(info, Volatile.Read(ref _peerClose));
        await _queue.FlushAllAsync(cancellationToken).ConfigureAwait(false);
        _ = ReleaseAsync(_reader.Over);
    }

    protected override void AbortCore(ChannelCloseInfo info)
    {
        if (WebSocketCodec.TellsEnd(info))
        {
            _queue.Refuse(new MessageChannelClosedException(info), alsoWaiting: true);
            if (_queue.TryClose(info, null))
            {
                _ = FlushAndReleaseAsync();
                return;
            }
        }

        BreakOff(info);
    }

    protected override void OnClosing() => _reader.Wake();

    protected override void ReleaseReceiveCore(bool abandon)
    {
        _reader.Drop(abandon);
        if (Volatile.Read(ref _sendFailed))
        {
            // It was kept for what was left to receive.
            _webSocket.Abort();
        }
    }

    private static ChannelCloseInfo Lost(Exception error)
        => new(ChannelCloseStatus.ConnectionLost, IsRemote: true, ProtocolErrorCode: CloseCode.Abnormal, Exception: error);

    private async Task ReadAsync()
    {
        try
        {
            var info = await _reader.ReadAsync().ConfigureAwait(false);
            Volatile.Write(ref _peerClose, info);

            // Where this side closes already, this is the answer, which its close waits for.
            if (!IsClosing && Terminate(info, abort: false))
            {
                _queue.Refuse(new MessageChannelClosedException(info), alsoWaiting: true);
                _queue.TryClose(info, info);
                _ = FlushAndReleaseAsync();
            }
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            if (!IsClosing)
            {
                Terminate(Lost(e));
            }
        }
        finally
        {
            _reader.Finish();
        }
    }

    private void OnStuck()
        => Terminate(new ChannelCloseInfo(
            ChannelCloseStatus.TimedOut,
            IsRemote: false,
            string.Create(CultureInfo.InvariantCulture, $"The peer has taken nothing of what was sent for {Options.SendTimeout.TotalSeconds:0.###} seconds (SendTimeout).")));

    private void BreakOff(ChannelCloseInfo info)
    {
        _webSocket.Abort();
        _queue.Fail(new MessageChannelClosedException(info));
        _ = ReleaseAsync(Task.CompletedTask);
    }

    private async Task FlushAndReleaseAsync()
    {
        var done = Task.WhenAll(_queue.FlushAsync(CancellationToken.None).AsTask(), _reader.Over);
        await ReleaseAsync(done).ConfigureAwait(false);

        // A wait that was given up must not be reported as unobserved when it fails later.
        await done.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    // Gives the WebSocket back when this is done, or has taken too long.
    private async Task ReleaseAsync(Task done)
    {
        if (Interlocked.Exchange(ref _releasing, true))
        {
            return;
        }

        try
        {
            await done.WaitAsync(Options.CloseTimeout, Options.TimeProvider).ConfigureAwait(false);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // The peer goes on, or is gone: either way this side is done with it.
            _webSocket.Abort();
        }

        _queue.Fail(ClosedException());
        await _queue.WhenIdleAsync().ConfigureAwait(false);
        _webSocket.Dispose();
        _disposed?.Invoke();
    }
}
