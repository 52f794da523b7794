namespace Transports.WebSockets;

/// <summary>Bytes over an upgraded stream. It has no half-close: WebSocket says its end in a close frame.</summary>
/// <param name="stream">The stream; owned.</param>
/// <param name="flushes">Whether the stream holds written bytes back until it is flushed.</param>
/// <param name="supportsZeroByteReads">Whether a read into no room waits.</param>
/// <param name="cancelsReads">Whether a pending read is to be ended by a token: a connection on which this side has said its goodbye then ends in order, where a reset would take what the peer has not read.</param>
/// <param name="abort">Breaks the connection off, where disposing the stream would end it in order.</param>
/// <param name="disposed">Called once the connection is given back.</param>
/// <param name="lost">Cancelled when the connection below is gone: what is written then is swallowed, though it seems sent.</param>
internal sealed class WebSocketStreamConnection(
    Stream stream,
    bool flushes,
    bool supportsZeroByteReads = false,
    bool cancelsReads = false,
    Action? abort = null,
    Action? disposed = null,
    CancellationToken lost = default) : ByteConnection
{
    // Over HTTP/2 a write may wait for the stream's window or the connection's writer, and the stream's disposal does not always end that wait.
    private readonly CancellationTokenSource? _aborted = flushes || cancelsReads ? new() : null;
    private CancellationTokenRegistration _lost;
    private int _ended;
    private bool _isClosed;

    private CancellationToken Aborted => _aborted?.Token ?? CancellationToken.None;

    public override bool SupportsZeroByteReads => supportsZeroByteReads;

    public override bool IsBroken => lost.IsCancellationRequested;

    public override void Attach(IByteConnectionHost host)
        => _lost = lost.UnsafeRegister(static state => ((IByteConnectionHost)state!).OnBroken(new IOException("The peer's connection is gone.")), host);

    public override ValueTask<int> ReadAsync(Memory<byte> buffer) => stream.ReadAsync(buffer, cancelsReads ? Aborted : CancellationToken.None);

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer)
    {
        var writing = stream.WriteAsync(buffer, Aborted);
        if (!flushes)
        {
            return writing;
        }

        if (!writing.IsCompletedSuccessfully)
        {
            return WriteAndFlushAsync(writing);
        }

        writing.GetAwaiter().GetResult();
        return new ValueTask(stream.FlushAsync(Aborted));
    }

    // The close frame has said it.
    public override ValueTask CompleteWritesAsync(ChannelCloseInfo? close)
    {
        Volatile.Write(ref _isClosed, true);
        return ValueTask.CompletedTask;
    }

    public override void Abort(ChannelCloseInfo info)
    {
        if (cancelsReads && Volatile.Read(ref _isClosed))
        {
            // The peer has not answered, or goes on: being given back, the stream ends behind the close frame.
            _aborted!.Cancel();
            return;
        }

        if (Interlocked.Exchange(ref _ended, 1) != 0)
        {
            return;
        }

        try
        {
            _aborted?.Cancel();
            abort?.Invoke();
            if (abort is null)
            {
                stream.Dispose();
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException or InvalidOperationException or NotSupportedException)
        {
            // The stream is being given up; what it has to say about that helps nobody.
        }
    }

    public override ChannelCloseInfo DescribeFailure(Exception exception)
        => new(ChannelCloseStatus.ConnectionLost, IsRemote: true, ProtocolErrorCode: CloseCode.Abnormal, Exception: exception);

    public override async ValueTask DisposeAsync()
    {
        _lost.Unregister();
        try
        {
            if (Interlocked.Exchange(ref _ended, 1) == 0)
            {
                await stream.DisposeAsync().ConfigureAwait(false);
            }
        }
        finally
        {
            disposed?.Invoke();
        }
    }

    [System.Runtime.CompilerServices.AsyncMethodBuilder(typeof(System.Runtime.CompilerServices.PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask WriteAndFlushAsync(ValueTask writing)
    {
        await writing.ConfigureAwait(false);
        await stream.FlushAsync(Aborted).ConfigureAwait(false);
    }
}
