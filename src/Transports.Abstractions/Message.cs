using System.Buffers;
using System.Runtime.CompilerServices;
using System.Text;

namespace Transports;

/// <summary>A message: a payload and its kind. A small struct; creating and passing one allocates nothing.</summary>
/// <remarks>
/// A message made by its constructors refers to the caller's memory. A message that came from
/// <see cref="IMessageChannel.ReceiveAsync"/> or <see cref="IMessageChannel.TryReceive"/> refers to memory lent by the
/// channel until the next receive: after that <see cref="Payload"/> throws instead of showing another message's bytes.
/// </remarks>
public readonly struct Message
{
    private readonly ReadOnlySequence<byte> _payload;
    private readonly MessageLoan? _loan;

    // The loan's number in the upper 63 bits and the kind in the lowest: eight bytes less to copy in every receive.
    private readonly long _stamp;

    /// <summary>A message over contiguous memory.</summary>
    /// <param name="payload">The bytes; may be empty. Not copied.</param>
    /// <param name="kind">What the bytes are; <see cref="MessageKind.Text"/> must be valid UTF-8.</param>
    public Message(ReadOnlyMemory<byte> payload, MessageKind kind = MessageKind.Binary)
        : this(new ReadOnlySequence<byte>(payload), kind)
    {
    }

    /// <summary>A message over memory in several pieces.</summary>
    /// <param name="payload">The bytes; may be empty. Not copied.</param>
    /// <param name="kind">What the bytes are; <see cref="MessageKind.Text"/> must be valid UTF-8.</param>
    public Message(ReadOnlySequence<byte> payload, MessageKind kind = MessageKind.Binary)
    {
        _payload = payload;
        _loan = null;
        _stamp = (long)kind;
    }

    internal Message(in ReadOnlySequence<byte> payload, MessageKind kind, MessageLoan loan, long number)
    {
        _payload = payload;
        _loan = loan;
        _stamp = (number << 1) | (long)kind;
    }

    /// <summary>The payload.</summary>
    /// <exception cref="InvalidOperationException">The message was received and its loan is over: the channel has been asked for the next message, or has ended.</exception>
    public ReadOnlySequence<byte> Payload
    {
        get
        {
            if (_loan is not null && _loan.Number != _stamp >> 1)
            {
                ThrowLoanOver();
            }

            return _payload;
        }
    }

    /// <summary>What the bytes are.</summary>
    public MessageKind Kind => (MessageKind)(_stamp & 1);

    /// <summary>The payload's length in bytes. Known even when the loan is over.</summary>
    public long Length => _payload.Length;

    /// <summary>A binary message over an array, which is not copied.</summary>
    /// <param name="payload">The bytes.</param>
    public static implicit operator Message(byte[] payload)
        => new(payload is null ? ReadOnlySequence<byte>.Empty : new ReadOnlySequence<byte>(payload));

    /// <summary>A binary message over memory, which is not copied.</summary>
    /// <param name="payload">The bytes.</param>
    public static implicit operator Message(ReadOnlyMemory<byte> payload) => new(payload);

    /// <summary>A text message.</summary>
    /// <param name="text">The text; encoded as UTF-8 into a new array.</param>
    /// <exception cref="EncoderFallbackException">The text holds a lone surrogate, which UTF-8 cannot carry.</exception>
    public static Message FromText(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return new Message((ReadOnlyMemory<byte>)StrictUtf8.GetBytes(text), MessageKind.Text);
    }

    /// <summary>The payload decoded as UTF-8, whatever the <see cref="Kind"/>.</summary>
    /// <exception cref="DecoderFallbackException">The payload is not valid UTF-8.</exception>
    /// <exception cref="InvalidOperationException">The loan is over; see <see cref="Payload"/>.</exception>
    public string GetText() => StrictUtf8.GetString(Payload);

    /// <summary>A copy of the payload.</summary>
    /// <exception cref="InvalidOperationException">The loan is over; see <see cref="Payload"/>.</exception>
    public byte[] ToArray() => Payload.ToArray();

    /// <summary>Keeps the message past the loan, in memory of its own.</summary>
    /// <returns>The kept message; dispose it to give the memory back.</returns>
    /// <exception cref="InvalidOperationException">The loan is over; see <see cref="Payload"/>.</exception>
    public RetainedMessage Retain() => new(Payload, Kind, _loan?.Pool ?? ArrayPool<byte>.Shared);

    // Replacement characters would change what was sent in silence; an error is said instead.
    private static UTF8Encoding StrictUtf8 { get; } = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void ThrowLoanOver() => throw new InvalidOperationException(
        "This message's payload was lent until the next receive, and that loan is over. Use Retain() or ToArray() before the next ReceiveAsync or TryReceive to keep it longer.");
}
