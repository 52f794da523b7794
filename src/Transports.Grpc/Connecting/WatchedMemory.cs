using System.Buffers;
using System.Runtime.InteropServices;

namespace Transports.Grpc;

/// <summary>
/// Bytes to be written, together with whether the flush that was asked for behind them comes behind them. One write at a time.
/// </summary>
/// <remarks>
/// SocketsHttpHandler copies a write's bytes on its connection's writer, in the order of its queue, and completes a flush there. So
/// when the bytes are looked at and the flush is not complete, it is yet to come and takes them along.
/// </remarks>
internal sealed class WatchedMemory : MemoryManager<byte>
{
    private Memory<byte> _bytes;
    private volatile Task? _flush;
    private volatile bool _isFlushed;

    /// <summary>Whether the flush comes behind all bytes. For when the write is complete; <see langword="false"/> also where it can't be told.</summary>
    public bool IsFlushed => _isFlushed;

    /// <summary>Begins with the bytes of another write.</summary>
    public ReadOnlyMemory<byte> Begin(ReadOnlyMemory<byte> bytes)
    {
        _bytes = MemoryMarshal.AsMemory(bytes);
        _flush = null;
        _isFlushed = false;
        return CreateMemory(bytes.Length);
    }

    /// <summary>The flush that was asked for after the write.</summary>
    public void FollowedBy(Task flush) => _flush = flush;

    public override Span<byte> GetSpan()
    {
        // A write in several pieces comes here for each; what the last one finds counts.
        _isFlushed = _flush is { IsCompleted: false };
        return _bytes.Span;
    }

    public override MemoryHandle Pin(int elementIndex = 0) => _bytes[elementIndex..].Pin();

    // The handle that was given out releases its own.
    public override void Unpin()
    {
    }

    protected override void Dispose(bool disposing)
    {
    }
}
