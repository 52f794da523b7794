namespace Transports;

/// <summary>Bytes over an upgraded stream. It has no half-close: WebSocket says its end in a close frame.</summary>
/// <param name="stream">The stream; owned.</param>
/// <param name="flushes">Whether the stream holds written bytes back until it is flushed.</param>
/// <param name="supportsZeroByteReads">Whether a read into no room waits.</param>
/// <param name="abort">Breaks the connection off, where disposing the stream would end it in order.</param>
/// <param name="disposed">Called once the connection is given back.</param>
internal sealed class WebSocketStreamConnection(
    Stream stream,
    bool flushes,
    bool supportsZeroByteReads = false,
    Action? abort = null,
    Action? disposed = null) : ByteConnection
{
    // Over HTTP/2 a write may wait for the stream's window or the connection's writer, and the stream's disposal does not always end that wait.
    private readonly CancellationTokenSource? _aborted = flushes ? new() : null;
    private int _ended;
    private bool _writesRefused;

    private CancellationToken Aborted => _aborted?.Token ?? CancellationToken.None;

    public override bool SupportsZeroByteReads => supportsZeroByteReads;

    public override ValueTask<int> ReadAsync(Memory<byte> buffer) => stream.ReadAsync(buffer, CancellationToken.None);

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer)
    {
        if (Volatile.Read(ref _writesRefused))
        {
            return ValueTask.FromException(new IOException("The peer's connection is gone."));
        }

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

    /// <summary>From here on writes fail: the connection below is gone, and would only swallow them.</summary>
    public void RefuseWrites() => Volatile.Write(ref _writesRefused, true);

    public override ValueTask CompleteWritesAsync() => ValueTask.CompletedTask;

    public override void Abort()
    {
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
        => new(ChannelCloseStatus.ConnectionLost, IsRemote: true, TransportCode: WebSocketCloseCode.Abnormal, Error: exception);

    public override async ValueTask DisposeAsync()
    {
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
