using System.Net.Quic;
using System.Runtime.CompilerServices;
using System.Runtime.Versioning;

namespace Transports.Quic;

/// <summary>Bytes over one bidirectional stream. No token reaches the stream: one would abort that direction.</summary>
[SupportedOSPlatform("linux")]
[SupportedOSPlatform("macos")]
[SupportedOSPlatform("windows")]
internal sealed class QuicByteConnection(QuicStream stream, MultiplexedQuicConnection owner, TimeSpan closeTimeout) : ByteConnection
{
    private long _code = QuicCodes.FromStatus(ChannelCloseStatus.Normal);
    private int _aborted;
    private volatile bool _stoppedReading;
    private bool _completed;

    public override bool SupportsHalfClose => true;

    public override TFeature? GetFeature<TFeature>()
        where TFeature : class
        => owner as TFeature;

    public override ValueTask<int> ReadAsync(Memory<byte> buffer)
    {
        if (_stoppedReading)
        {
            return new ValueTask<int>(0);
        }

        var reading = stream.ReadAsync(buffer, CancellationToken.None);
        return reading.IsCompletedSuccessfully ? reading : AwaitReadAsync(reading);
    }

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer)
    {
        var writing = stream.WriteAsync(buffer, CancellationToken.None);
        return writing.IsCompletedSuccessfully ? writing : AwaitWriteAsync(writing);
    }

    public override void Attach(IByteConnectionHost host)
    {
        _ = WatchAsync(stream.WritesClosed);
        return;

        // The peer reads no more, or the connection is gone: known without a write.
        async Task WatchAsync(Task writesClosed)
        {
            try
            {
                await writesClosed.ConfigureAwait(false);
            }
            catch (QuicException) when (PeerClosed() is ChannelCloseStatus.Normal or ChannelCloseStatus.GoingAway)
            {
                // It has closed gracefully, which its own end tells.
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                if (Volatile.Read(ref _aborted) == 0)
                {
                    host.OnBroken(e);
                }
            }
        }
    }

    public override ValueTask CompleteWritesAsync(ChannelCloseInfo? close)
    {
        if (close is not null && close.Status != ChannelCloseStatus.Normal)
        {
            // Goes first, so that the peer knows the status when it reads the end.
            _code = QuicCodes.FromStatus(close.Status);
            _stoppedReading = true;
            stream.Abort(QuicAbortDirection.Read, _code);
        }

        if (!_completed && PeerClosed() is null)
        {
            _completed = true;
            stream.CompleteWrites();
        }

        return ValueTask.CompletedTask;
    }

    public override void Abort(ChannelCloseInfo info)
        => Abort(QuicCodes.FromStatus(info is { IsRemote: false } ? info.Status : ChannelCloseStatus.Aborted));

    public override ChannelCloseInfo? DescribeEnd()
        => PeerClosed() is { } status ? new ChannelCloseInfo(status, IsRemote: true, ProtocolErrorCode: QuicCodes.FromStatus(status)) : null;

    public override ChannelCloseInfo DescribeFailure(Exception exception)
        => exception is QuicException { QuicError: QuicError.OperationAborted } && owner.Failure is { } failure
            ? QuicCodes.Describe(failure)
            : QuicCodes.Describe(exception);

    public override async ValueTask DisposeAsync()
    {
        if (Volatile.Read(ref _aborted) == 0)
        {
            try
            {
                // The connection may close with its last stream, and would take with it what the peer has not confirmed.
                await stream.WritesClosed.WaitAsync(closeTimeout).ConfigureAwait(false);
            }
            catch (Exception e) when (e is QuicException or TimeoutException or OperationCanceledException)
            {
                // The peer has what it wanted, or is gone.
            }
        }

        await stream.DisposeAsync().ConfigureAwait(false);
        await owner.ReleaseAsync(_code).ConfigureAwait(false);
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<int> AwaitReadAsync(ValueTask<int> reading)
    {
        try
        {
            return await reading.ConfigureAwait(false);
        }
        catch (QuicException) when (_stoppedReading && Volatile.Read(ref _aborted) == 0)
        {
            // This side's close ended it. Told as a failure, it would break off what was written before that close and is still on its way.
            return 0;
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask AwaitWriteAsync(ValueTask writing)
    {
        try
        {
            await writing.ConfigureAwait(false);
        }
        catch (QuicException) when (PeerClosed() is ChannelCloseStatus.Normal or ChannelCloseStatus.GoingAway)
        {
            // The peer has closed gracefully and reads no more. The reader will find the end that it wrote before; failing
            // here would lose what is still to be read.
        }
    }

    // The status of a peer that stopped reading, which it does when it closes with another status than Normal.
    private ChannelCloseStatus? PeerClosed()
        => stream.WritesClosed is { IsFaulted: true, Exception.InnerException: QuicException { QuicError: QuicError.StreamAborted, ApplicationErrorCode: { } code } }
            ? QuicCodes.ToStatus(code)
            : null;

    private void Abort(long code)
    {
        if (Interlocked.Exchange(ref _aborted, 1) != 0)
        {
            return;
        }

        _code = code;
        try
        {
            stream.Abort(QuicAbortDirection.Both, code);
        }
        catch (Exception e) when (e is ObjectDisposedException or QuicException)
        {
            // Given back already, or its connection has ended.
        }
    }
}
