using System.IO.Pipelines;
using System.Net.Sockets;

namespace Transports;

/// <summary>The bytes layer: one ordered, reliable stream of bytes each way, under a <see cref="FramedMessageChannel"/>.</summary>
/// <remarks>
/// The channel calls <see cref="ReadAsync"/> and <see cref="WriteAsync"/> one at a time each, the two side by side, and never
/// with a caller's token. <see cref="Abort()"/> may come at any time and must make both end soon, with any exception.
/// <see cref="DisposeAsync"/> comes once, last, after neither is in progress.
/// </remarks>
public abstract class ByteConnection : IAsyncDisposable
{
    /// <summary><see langword="true"/> when reading into an empty buffer waits until bytes can be read and consumes none.</summary>
    public virtual bool SupportsZeroByteReads => false;

    /// <summary><see langword="true"/> when the peer can go on sending after <see cref="CompleteWritesAsync()"/>.</summary>
    public virtual bool SupportsHalfClose => false;

    /// <summary><see langword="true"/> when <see cref="InterruptRead"/> works.</summary>
    public virtual bool SupportsReadInterruption => false;

    /// <summary>A connection over a connected stream socket, which it owns.</summary>
    /// <param name="socket">The socket.</param>
    public static ByteConnection Create(Socket socket) => new SocketByteConnection(socket);

    /// <summary>A connection over a stream that reads and writes, which it owns.</summary>
    /// <param name="stream">The stream. Reading and writing at once must be allowed, as for network streams.</param>
    public static ByteConnection Create(Stream stream) => new StreamByteConnection(stream);

    /// <summary>A connection over a pair of pipes, which it completes at the end.</summary>
    /// <param name="pipe">The pipes.</param>
    public static ByteConnection Create(IDuplexPipe pipe) => new PipeByteConnection(pipe);

    /// <summary>Reads some bytes.</summary>
    /// <param name="buffer">Where to; the connection does not keep it. Empty only where <see cref="SupportsZeroByteReads"/>.</param>
    /// <returns>How many bytes were read; 0 is the peer's end (or, for an empty buffer, that there is something to read).</returns>
    public abstract ValueTask<int> ReadAsync(Memory<byte> buffer);

    /// <summary>Writes all bytes.</summary>
    /// <param name="buffer">The bytes; not kept.</param>
    /// <returns>Completes when they have been handed on, towards the operating system, with nothing held back.</returns>
    public abstract ValueTask WriteAsync(ReadOnlyMemory<byte> buffer);

    /// <summary>Tells the peer that no more bytes will come. Called once at most, after the last write.</summary>
    public abstract ValueTask CompleteWritesAsync();

    /// <summary>
    /// Makes a pending read end with <see cref="OperationCanceledException"/>, or with what it has read, losing no byte; so
    /// that an idle channel can give its buffer back and wait without one. May come at any time, and then may end the next read.
    /// </summary>
    public virtual void InterruptRead()
    {
    }

    /// <summary>The same for a channel that closes, where the protocol can tell the peer why. By default the reason is not told.</summary>
    /// <param name="status">The reason given to <see cref="IMessageChannel.CloseAsync"/>.</param>
    /// <param name="description">The text given with it.</param>
    public virtual ValueTask CompleteWritesAsync(ChannelCloseStatus status, string? description) => CompleteWritesAsync();

    /// <summary>
    /// The channel closes, or the peer has closed it, and this side has told the peer with <see cref="CompleteWritesAsync()"/> before that no more bytes will come: for a protocol in
    /// which that is not yet the end. Called once, or twice when both sides close at once, possibly before that call has completed. By default there is nothing left to tell.
    /// </summary>
    /// <param name="status">The reason given to <see cref="IMessageChannel.CloseAsync"/>; <see cref="ChannelCloseStatus.Normal"/> for a close by the peer.</param>
    /// <param name="description">The text given with it.</param>
    public virtual ValueTask CloseAfterCompletedWritesAsync(ChannelCloseStatus status, string? description) => ValueTask.CompletedTask;

    /// <summary>Ends the connection at once, so that the peer sees an error rather than an end where the protocol can tell them apart. Idempotent; never throws.</summary>
    public abstract void Abort();

    /// <summary>The same, where the protocol can tell the peer why. By default the reason is not told.</summary>
    /// <param name="info">How the channel ended.</param>
    public virtual void Abort(ChannelCloseInfo info) => Abort();

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
            TransportCode: socketError is null ? null : (long)socketError.SocketErrorCode,
            Error: exception);
    }

    /// <inheritdoc/>
    public abstract ValueTask DisposeAsync();
}
