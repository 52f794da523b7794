using System.Buffers;

namespace Transports;

/// <summary>
/// The loan guard of one channel: numbers each lent payload, so that a <see cref="Message"/> whose loan is over can tell.
/// </summary>
/// <remarks>
/// For authors of channels; <c>MessageChannelBase</c> in the package Transports uses one for all that derive from it.
/// <see cref="Lend"/> and <see cref="End"/> are called by the single receiver only; a stale message may be read by any thread.
/// </remarks>
public sealed class MessageLoan
{
    // 63 bits: at 30 million messages a second a number comes again after 9,000 years.
    private long _number;

    /// <summary>A guard with no loan in force.</summary>
    /// <param name="pool">Where <see cref="Message.Retain"/> takes memory; the shared pool when <see langword="null"/>.</param>
    public MessageLoan(ArrayPool<byte>? pool = null) => Pool = pool ?? ArrayPool<byte>.Shared;

    internal ArrayPool<byte> Pool { get; }

    internal long Number => Volatile.Read(ref _number);

    /// <summary>Ends the loan in force and lends a payload.</summary>
    /// <param name="payload">The memory lent; it must stay as it is until <see cref="End"/> or the next <see cref="Lend"/>.</param>
    /// <param name="kind">What the bytes are.</param>
    /// <returns>The message to hand out.</returns>
    public Message Lend(in ReadOnlySequence<byte> payload, MessageKind kind)
    {
        var number = _number + 1;
        Volatile.Write(ref _number, number);
        return new Message(payload, kind, this, number);
    }

    /// <summary>Ends the loan in force, before its memory is used for anything else.</summary>
    public void End() => Volatile.Write(ref _number, _number + 1);
}
