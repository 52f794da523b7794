using System.IO.Pipelines;
using System.Net.Sockets;

namespace Transports.Extensibility;

/// <summary>The bytes layer: one ordered, reliable stream of bytes each way, under a <see cref="FramedMessageChannel"/>.</summary>
/// <remarks>
/// The channel calls <see cref="ReadAsync"/> and <see cref="WriteAsync"/> one at a time each, the two side by side, and never
/// with a caller's token. <see cref="Abort"/> may come at any time and must make both end soon, with any exception.
/// <see cref="DisposeAsync"/> comes once, last, after neither is in progress.
/// </remarks>
public abstract class ByteConnection : IAsyncDisposable
{
    /// <summary>What <see cref="ReadAsync"/> returns where the connection begins a new stream, as one that reconnects does: what is unfinished of the old one is dropped.</summary>
    public const int NewStream = -1;

    /// <summary><see langword="true"/> when reading into an empty buffer waits until bytes can be read and consumes none.</summary>
    public virtual bool SupportsZeroByteReads => false;

    /// <summary><see langword="true"/> when the peer can go on sending after <see cref="CompleteWritesAsync"/> with <see langword="null"/>.</summary>
    public virtual bool SupportsHalfClose => false;

    /// <summary><see langword="true"/> when <see cref="InterruptRead"/> works.</summary>
    public virtual bool SupportsReadInterruption => false;

    /// <summary><see langword="true"/> when each write must be whole frames, as for a connection that makes a request of each. Otherwise a large one comes in pieces, so that a slow peer's progress shows. Read once.</summary>
    public virtual bool NeedsWholeFrames => false;

    /// <summary><see langword="true"/> when the connection is known to be broken, found out without consuming a byte. Asked while nobody receives and no more is read.</summary>
    public virtual bool IsBroken => false;

    /// <summary>A connection over a connected stream socket, which it owns.</summary>
    /// <param name="socket">The socket.</param>
    public static ByteConnection Create(Socket socket) => new SocketByteConnection(socket);

    /// <summary>A connection over a stream that reads and writes, which it owns.</summary>
    /// <param name="stream">The stream. Reading and writing at once must be allowed, as for network streams.</param>
    public static ByteConnection Create(Stream stream) => new StreamByteConnection(stream);

    /// <summary>A connection over a pair of pipes, which it completes at the end.</summary>
    /// <param name="pipe">The pipes.</param>
    public static ByteConnection Create(IDuplexPipe pipe) => new PipeByteConnection(pipe);

    /// <summary>Tells the connection its channel, once, before anything is read or written: for a connection that hears of its end beside the bytes.</summary>
    /// <param name="host">The channel.</param>
    public virtual void Attach(IByteConnectionHost host)
    {
    }

    /// <summary>Reads some bytes.</summary>
    /// <param name="buffer">Where to; the connection does not keep it. Empty only where <see cref="SupportsZeroByteReads"/>.</param>
    /// <returns>How many bytes were read; 0 is the peer's end (or, for an empty buffer, that there is something to read); or <see cref="NewStream"/>.</returns>
    public abstract ValueTask<int> ReadAsync(Memory<byte> buffer);

    /// <summary>Writes all bytes.</summary>
    /// <param name="buffer">The bytes; not kept.</param>
    /// <returns>Completes when they have been handed on, towards the operating system, with nothing held back.</returns>
    public abstract ValueTask WriteAsync(ReadOnlyMemory<byte> buffer);

    /// <summary>Ends this side's bytes, after the last write.</summary>
    /// <param name="close">
    /// <see langword="null"/> half-closes: the peer is told that no more bytes will come, and may go on sending. A value closes, telling the peer why where the
    /// protocol can; it may follow a half-close, and then possibly before that has completed. Each comes once at most.
    /// </param>
    public abstract ValueTask CompleteWritesAsync(ChannelCloseInfo? close);

    /// <summary>
    /// Makes a pending read end with <see cref="OperationCanceledException"/>, or with what it has read, losing no byte; so
    /// that an idle channel can give its buffer back and wait without one. May come at any time, and then may end the next read.
    /// </summary>
    public virtual void InterruptRead()
    {
    }

    /// <summary>Ends the connection at once, so that the peer sees an error rather than an end where the protocol can tell them apart, and why where it can tell that. Idempotent; never throws.</summary>
    /// <param name="info">How the channel ended.</param>
    public abstract void Abort(ChannelCloseInfo info);

    /// <summary>
    /// What the end of the peer's bytes means, asked once it was read and no frame was cut short by it: by default <see langword="null"/>,
    /// the peer has finished sending and may still read. Otherwise the channel has ended that way, in both directions.
    /// </summary>
    public virtual ChannelCloseInfo? DescribeEnd() => null;

    /// <summary>What the channel reports when a read or write failed with this exception.</summary>
    /// <param name="exception">The exception.</param>
    /// <returns>The end; <see cref="ChannelCloseStatus.ConnectionLost"/> unless the protocol knows better.</returns>
    public virtual ChannelCloseInfo DescribeFailure(Exception exception)
    {
        var socketError = exception as SocketException ?? exception?.InnerException as SocketException;
        return new ChannelCloseInfo(
            ChannelCloseStatus.ConnectionLost,
            IsRemote: true,
            ProtocolErrorCode: socketError is null ? null : (long)socketError.SocketErrorCode,
            Exception: exception);
    }

    /// <summary>A feature of the connection's.</summary>
    /// <typeparam name="TFeature">An interface.</typeparam>
    /// <returns>The feature, or <see langword="null"/>.</returns>
    public virtual TFeature? GetFeature<TFeature>()
        where TFeature : class
        => this as TFeature;

    /// <inheritdoc/>
    public abstract ValueTask DisposeAsync();
}
