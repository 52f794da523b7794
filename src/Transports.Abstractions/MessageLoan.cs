using System.Buffers;
using System.Runtime.InteropServices;

namespace Transports.Extensibility;

/// <summary>
/// The loan guard of one channel: numbers each lent payload, so that a <see cref="Message"/> whose loan is over can tell.
/// </summary>
/// <remarks>
/// For authors of channels; <c>MessageChannelBase</c> in the package Transports uses one for all that derive from it.
/// <see cref="Lend(byte[], int, int, MessageKind)"/> and <see cref="End"/> are called by the single receiver only, or by who has excluded it; a stale message may be read by any thread.
/// A loan that ends while its message is being read ends the guard, not the memory: what was lent must not be used for anything
/// else then, nor be given back to a pool (see <see cref="IBufferPoolObserver"/>).
/// </remarks>
public sealed class MessageLoan
{
    // Odd while a payload is lent. 59 bits count loans: at 30 million messages a second a number comes again after 600 years.
    private long _number;

    /// <summary>A guard with no loan in force.</summary>
    /// <param name="pool">Where <see cref="Message.Retain"/> takes memory; the shared pool when <see langword="null"/>.</param>
    public MessageLoan(ArrayPool<byte>? pool = null) => Pool = pool ?? ArrayPool<byte>.Shared;

    /// <summary>A payload is lent: no receive has begun since it was handed out.</summary>
    public bool IsInForce => (Volatile.Read(ref _number) & 1) != 0;

    internal ArrayPool<byte> Pool { get; }

    internal long Number => Volatile.Read(ref _number);

    /// <summary>Ends the loan in force and lends a part of an array.</summary>
    /// <param name="array">The memory lent; it must stay as it is until <see cref="End"/> or the next loan.</param>
    /// <param name="start">Where the payload begins.</param>
    /// <param name="length">The payload's length in bytes.</param>
    /// <param name="kind">What the bytes are.</param>
    /// <returns>The message to hand out.</returns>
    public Message Lend(byte[] array, int start, int length, MessageKind kind)
        => new(array, start, length, kind, this, Next());

    /// <summary>Ends the loan in force and lends a payload.</summary>
    /// <param name="payload">The memory lent; it must stay as it is until <see cref="End"/> or the next loan.</param>
    /// <param name="kind">What the bytes are.</param>
    /// <returns>The message to hand out.</returns>
    public Message Lend(ReadOnlyMemory<byte> payload, MessageKind kind)
    {
        if (MemoryMarshal.TryGetArray(payload, out var segment))
        {
            return Lend(segment.Array ?? [], segment.Offset, segment.Count, kind);
        }

        MemoryMarshal.TryGetMemoryManager<byte, MemoryManager<byte>>(payload, out var manager, out var start, out var length);
        return new Message(manager!, start, length, kind, this, Next());
    }

    /// <summary>Ends the loan in force, before its memory is used for anything else. Does nothing where none is.</summary>
    public void End()
    {
        if ((_number & 1) != 0)
        {
            Volatile.Write(ref _number, _number + 1);
        }
    }

    private long Next()
    {
        var number = _number + 1 + (_number & 1);
        Volatile.Write(ref _number, number);
        return number;
    }
}
