using System.Buffers;
using System.Net.WebSockets;
using System.Text.Unicode;

namespace Transports;

/// <summary>A channel over a <see cref="WebSocket"/> of somebody else's making: one send and one or more receives of it a message.</summary>
/// <remarks>No caller's token reaches the WebSocket, which would be aborted by it.</remarks>
internal sealed class ForeignWebSocketMessageChannel : MessageChannelBase, IWebSocketFeature
{
    private const int MaxReasonLength = 41;

    private readonly WebSocket _webSocket;
    private readonly SemaphoreSlim _sending = new(1, 1);
    private readonly ReceiveSignal _signal = new();
    private readonly PooledBytes _received;
    private readonly Lock _readGate = new();
    private readonly Func<Type, object?>? _features;
    private Task<WebSocketMessageType>? _reading;
    private bool _releaseWhenRead;
    private bool _isInsideMessage;
    private Action? _disposed;

    /// <summary>A channel over an open WebSocket, which it owns from here on.</summary>
    /// <param name="webSocket">The WebSocket.</param>
    /// <param name="context">What the channel is told about itself.</param>
    /// <param name="features">What the transport adds to the channel's features.</param>
    /// <param name="disposed">Called once the WebSocket is given back.</param>
    public ForeignWebSocketMessageChannel(WebSocket webSocket, MessageChannelContext context, Func<Type, object?>? features = null, Action? disposed = null)
        : base(context)
    {
        _webSocket = webSocket;
        _features = features;
        _disposed = disposed;
        _received = new PooledBytes(context.Options.BufferPool);
    }

    public string? SubProtocol => _webSocket.SubProtocol;

    // Its own matter, and not to be seen from outside.
    public bool IsCompressed => false;

    public override TFeature? GetFeature<TFeature>()
        where TFeature : class
        => base.GetFeature<TFeature>() ?? _webSocket as TFeature ?? _features?.Invoke(typeof(TFeature)) as TFeature;

    protected override async ValueTask SendCoreAsync(Message message, CancellationToken cancellationToken)
    {
        await _sending.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            await WriteAsync(message).ConfigureAwait(false);
        }
        finally
        {
            _sending.Release();
        }
    }

    protected override async ValueTask SendBatchCoreAsync(ReadOnlyMemory<Message> batch, CancellationToken cancellationToken)
    {
        await _sending.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            for (var i = 0; i < batch.Length; i++)
            {
                await WriteAsync(batch.Span[i]).ConfigureAwait(false);
            }
        }
        finally
        {
            _sending.Release();
        }
    }

    protected override async ValueTask FlushCoreAsync(CancellationToken cancellationToken)
    {
        await _sending.WaitAsync(cancellationToken).ConfigureAwait(false);
        _sending.Release();
    }

    protected override bool TryReceiveCore(out ReadOnlySequence<byte> payload, out MessageKind kind)
    {
        payload = default;
        kind = default;
        if (_reading is not { IsCompleted: true } reading)
        {
            return false;
        }

        // A failure stays, for every receive to come; so does the end.
        var type = Result(reading);
        if (type == WebSocketMessageType.Close)
        {
            return false;
        }

        _reading = null;
        payload = new ReadOnlySequence<byte>(_received.WrittenMemory);
        kind = type == WebSocketMessageType.Text ? MessageKind.Text : MessageKind.Binary;
        if (kind == MessageKind.Text && !Utf8.IsValid(_received.WrittenSpan))
        {
            throw new InvalidPayloadException("A WebSocket text message is not valid UTF-8 (RFC 6455, section 8.1).");
        }

        return true;
    }

    protected override async ValueTask<bool> WaitToReceiveCoreAsync(CancellationToken cancellationToken)
    {
        if (_reading is not { } reading)
        {
            lock (_readGate)
            {
                _reading = reading = ReadAsync();
            }

            // Several wake-ups do no harm: the signal is only a hint.
            _ = SignalAsync(reading);
        }

        if (!reading.IsCompleted)
        {
            await _signal.WaitAsync(cancellationToken).ConfigureAwait(false);
        }

        if (!reading.IsCompleted || Result(reading) != WebSocketMessageType.Close)
        {
            return true;
        }

        await AnswerCloseAsync().ConfigureAwait(false);
        return false;
    }

    protected override async ValueTask CloseCoreAsync(ChannelCloseStatus status, string? description, CancellationToken cancellationToken)
    {
        await _sending.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            await _webSocket.CloseOutputAsync((WebSocketCloseStatus)WebSocketCloseCode.FromStatus(status), Shorten(description), CancellationToken.None).ConfigureAwait(false);
        }
        finally
        {
            _sending.Release();
        }

        _ = LingerAsync();
    }

    protected override void AbortCore(ChannelCloseInfo info)
    {
        _webSocket.Abort();
        GiveBack();
    }

    protected override void OnEnded() => _signal.Set();

    protected override void ReleaseReceiveCore()
    {
        lock (_readGate)
        {
            if (_reading is { IsCompleted: false })
            {
                _releaseWhenRead = true;
                return;
            }
        }

        _received.Clear();
    }

    // A close reason has at most 123 bytes of UTF-8, and this many characters have no more; never half of one.
    private static string? Shorten(string? description)
        => description is null or { Length: <= MaxReasonLength } || System.Text.Encoding.UTF8.GetByteCount(description) <= WebSocketFrameHeader.MaxControlPayload - 2
            ? description
            : description[..(char.IsHighSurrogate(description[MaxReasonLength - 1]) ? MaxReasonLength - 1 : MaxReasonLength)];

    private static ChannelCloseInfo Lost(Exception error)
        => new(ChannelCloseStatus.ConnectionLost, IsRemote: true, TransportCode: WebSocketCloseCode.Abnormal, Error: error);

    private static WebSocketMessageType Result(Task<WebSocketMessageType> reading)
    {
        try
        {
            return reading.GetAwaiter().GetResult();
        }
        catch (Exception e) when (e is not (TransportException or OutOfMemoryException))
        {
            throw new MessageChannelClosedException(Lost(e));
        }
    }

    private async Task<WebSocketMessageType> ReadAsync()
    {
        _received.Clear(Options.ReceiveBufferSize);
        while (true)
        {
            var result = await _webSocket.ReceiveAsync(_received.GetMemory(4096), CancellationToken.None).ConfigureAwait(false);
            _received.Advance(result.Count);
            if (result.MessageType == WebSocketMessageType.Close)
            {
                return result.MessageType;
            }

            _isInsideMessage = !result.EndOfMessage;

            if (_received.Count > MaxMessageSize)
            {
                throw new MessageTooLargeException(_received.Count, MaxMessageSize);
            }

            if (result.EndOfMessage)
            {
                return result.MessageType;
            }
        }
    }

    private async Task SignalAsync(Task reading)
    {
        await reading.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        lock (_readGate)
        {
            if (_releaseWhenRead)
            {
                _received.Clear();
            }
        }

        _signal.Set();
    }

    private async Task WriteAsync(Message message)
    {
        if (CloseInfo is not null)
        {
            throw ClosedException();
        }

        var type = message.Kind == MessageKind.Text ? WebSocketMessageType.Text : WebSocketMessageType.Binary;
        try
        {
            var payload = message.Payload;
            if (payload.IsSingleSegment)
            {
                await _webSocket.SendAsync(payload.First, type, WebSocketMessageFlags.EndOfMessage, CancellationToken.None).ConfigureAwait(false);
                return;
            }

            foreach (var segment in payload)
            {
                await _webSocket.SendAsync(segment, type, WebSocketMessageFlags.None, CancellationToken.None).ConfigureAwait(false);
            }

            await _webSocket.SendAsync(ReadOnlyMemory<byte>.Empty, type, WebSocketMessageFlags.EndOfMessage, CancellationToken.None).ConfigureAwait(false);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            End(Lost(e));
            throw ClosedException();
        }
    }

    private async Task AnswerCloseAsync()
    {
        var code = (int)(_webSocket.CloseStatus ?? (WebSocketCloseStatus)WebSocketCloseCode.NoStatus);
        await _sending.WaitAsync(CancellationToken.None).ConfigureAwait(false);
        try
        {
            if (_webSocket.State == WebSocketState.CloseReceived)
            {
                await _webSocket.CloseOutputAsync(
                    code == WebSocketCloseCode.NoStatus ? WebSocketCloseStatus.NormalClosure : (WebSocketCloseStatus)code,
                    null,
                    CancellationToken.None).ConfigureAwait(false);
            }
        }
        catch (Exception e) when (e is WebSocketException or ObjectDisposedException or IOException)
        {
            // The peer did not wait for the answer.
        }
        finally
        {
            _sending.Release();
        }

        EndByPeer(WebSocketCloseCode.Describe(code, _webSocket.CloseStatusDescription, _isInsideMessage));
        GiveBack();
    }

    // Waits for the peer's close frame, then gives the WebSocket back.
    private async Task LingerAsync()
    {
        try
        {
            await DrainAsync().WaitAsync(Options.CloseTimeout, Options.TimeProvider).ConfigureAwait(false);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            _webSocket.Abort();
        }

        GiveBack();
    }

    private void GiveBack()
    {
        _webSocket.Dispose();
        Interlocked.Exchange(ref _disposed, null)?.Invoke();
    }

    private async Task DrainAsync()
    {
        Task<WebSocketMessageType>? reading;
        lock (_readGate)
        {
            reading = _reading;
        }

        if (reading is not null && await reading.ConfigureAwait(false) == WebSocketMessageType.Close)
        {
            return;
        }

        var scratch = new byte[1024];
        while ((await _webSocket.ReceiveAsync(scratch.AsMemory(), CancellationToken.None).ConfigureAwait(false)).MessageType != WebSocketMessageType.Close)
        {
        }
    }
}
