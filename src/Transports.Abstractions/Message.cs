using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace Transports;

/// <summary>A message: a payload and its kind. A struct of 32 bytes; creating and passing one allocates nothing.</summary>
/// <remarks>
/// A message made by its constructors refers to the caller's memory. A message that came from
/// <see cref="IMessageChannel.ReceiveAsync"/> or <see cref="IMessageChannel.TryReceive"/> is contiguous and refers to memory lent by the
/// channel until the next receive: after that <see cref="Span"/>, <see cref="Memory"/> and <see cref="Payload"/> throw instead of showing another message's bytes.
/// </remarks>
public readonly struct Message
{
    // The stamp: the kind in bit 0, what _source is in bits 1 and 2, whether the payload is lent in bit 3, the loan's number above.
    private const int SourceShift = 1;
    private const long SourceMask = 3;
    private const long LentBit = 8;
    private const int NumberShift = 4;

    private const long FromArray = 0;
    private const long FromManager = 1;
    private const long FromSegments = 2;

    // An array, a memory manager, or the first of several segments.
    private readonly object? _source;

    // The loan of a lent message; the last segment of a payload in several.
    private readonly object? _guard;
    private readonly int _start;

    // The payload's length; in several segments, where it ends in the last.
    private readonly int _length;
    private readonly long _stamp;

    /// <summary>A message over contiguous memory.</summary>
    /// <param name="payload">The bytes; may be empty. Not copied.</param>
    /// <param name="kind">What the bytes are; <see cref="MessageKind.Text"/> must be valid UTF-8.</param>
    public Message(ReadOnlyMemory<byte> payload, MessageKind kind = MessageKind.Binary)
    {
        _stamp = (long)kind | Take(payload, out _source, out _start, out _length);
    }

    /// <summary>A message over memory in several pieces.</summary>
    /// <param name="payload">The bytes; may be empty. Not copied.</param>
    /// <param name="kind">What the bytes are; <see cref="MessageKind.Text"/> must be valid UTF-8.</param>
    public Message(ReadOnlySequence<byte> payload, MessageKind kind = MessageKind.Binary)
    {
        if (payload.IsSingleSegment)
        {
            _stamp = (long)kind | Take(payload.First, out _source, out _start, out _length);
            return;
        }

        _source = payload.Start.GetObject();
        _guard = payload.End.GetObject();
        _start = payload.Start.GetInteger();
        _length = payload.End.GetInteger();
        _stamp = (long)kind | (FromSegments << SourceShift);
    }

    // An array as a whole: on the path of every send of one.
    private Message(byte[] payload)
    {
        _source = payload;
        _length = payload.Length;
    }

    internal Message(object source, int start, int length, MessageKind kind, MessageLoan loan, long number)
    {
        _source = source;
        _guard = loan;
        _start = start;
        _length = length;
        _stamp = (number << NumberShift) | LentBit | (long)kind
            | (source.GetType() == typeof(byte[]) ? FromArray << SourceShift : FromManager << SourceShift);
    }

    /// <summary>The payload, in one piece or several.</summary>
    /// <exception cref="InvalidOperationException">The message was received and its loan is over: the channel has been asked for the next message, or was disposed.</exception>
    public ReadOnlySequence<byte> Payload
    {
        get
        {
            ThrowIfLoanOver();
            return _source is { } source && source.GetType() == typeof(byte[])
                ? new ReadOnlySequence<byte>(Unsafe.As<byte[]>(source), _start, _length)
                : SlowPayload();
        }
    }

    /// <summary>The payload of a contiguous message, which every received one is.</summary>
    /// <exception cref="InvalidOperationException">The loan is over (see <see cref="Payload"/>), or the message was made of several pieces: use <see cref="Payload"/> for those.</exception>
    public ReadOnlyMemory<byte> Memory
    {
        get
        {
            ThrowIfLoanOver();
            return ContiguousMemory();
        }
    }

    /// <summary>The payload of a contiguous message, which every received one is.</summary>
    /// <exception cref="InvalidOperationException">The loan is over (see <see cref="Payload"/>), or the message was made of several pieces: use <see cref="Payload"/> for those.</exception>
    public ReadOnlySpan<byte> Span
    {
        get
        {
            ThrowIfLoanOver();

            // The exact type, so that a struct torn by a race can never be read as what it is not.
            return _source is { } source && source.GetType() == typeof(byte[])
                ? new ReadOnlySpan<byte>(Unsafe.As<byte[]>(source), _start, _length)
                : SlowSpan();
        }
    }

    /// <summary><see langword="false"/> when the message was made of several pieces, so that only <see cref="Payload"/> shows it. A received message is contiguous.</summary>
    public bool IsContiguous => Source != FromSegments;

    /// <summary>What the bytes are.</summary>
    public MessageKind Kind => (MessageKind)(_stamp & 1);

    /// <summary>The payload's length in bytes. Known even when the loan is over.</summary>
    public long Length => Source != FromSegments ? _length : SlowPayload().Length;

    // Replacement characters would change what was sent in silence; an error is said instead.
    private static UTF8Encoding StrictUtf8 { get; } = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private long Source => (_stamp >> SourceShift) & SourceMask;

    /// <summary>A binary message over an array, which is not copied.</summary>
    /// <param name="payload">The bytes.</param>
    public static implicit operator Message(byte[] payload) => payload is null ? default : new Message(payload);

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
    public string GetText() => IsContiguous ? StrictUtf8.GetString(Span) : StrictUtf8.GetString(Payload);

    /// <summary>A copy of the payload.</summary>
    /// <exception cref="InvalidOperationException">The loan is over; see <see cref="Payload"/>.</exception>
    public byte[] ToArray() => IsContiguous ? Span.ToArray() : Payload.ToArray();

    /// <summary>Keeps the message past the loan, in memory of its own.</summary>
    /// <returns>The kept message; dispose it to give the memory back.</returns>
    /// <exception cref="InvalidOperationException">The loan is over, or ended while the payload was copied; see <see cref="Payload"/>.</exception>
    public RetainedMessage Retain() => RetainedMessage.CopyOf(this, (_guard as MessageLoan)?.Pool ?? ArrayPool<byte>.Shared);

    /// <summary>Copies the payload, in one piece or several.</summary>
    /// <param name="destination">Where to; at least <see cref="Length"/> bytes.</param>
    /// <exception cref="ArgumentException"><paramref name="destination"/> is shorter than the payload.</exception>
    /// <exception cref="InvalidOperationException">The loan is over; see <see cref="Payload"/>.</exception>
    public void CopyTo(Span<byte> destination)
    {
        if (IsContiguous)
        {
            Span.CopyTo(destination);
        }
        else
        {
            Payload.CopyTo(destination);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void ThrowIfLoanOver()
    {
        if ((_stamp & LentBit) != 0 && (_guard as MessageLoan)?.Number != _stamp >> NumberShift)
        {
            ThrowLoanOver();
        }
    }

    private static long Take(ReadOnlyMemory<byte> payload, out object? source, out int start, out int length)
    {
        if (MemoryMarshal.TryGetArray(payload, out var segment))
        {
            source = segment.Array;
            start = segment.Offset;
            length = segment.Count;
            return FromArray << SourceShift;
        }

        MemoryMarshal.TryGetMemoryManager<byte, MemoryManager<byte>>(payload, out var manager, out start, out length);
        source = manager;
        return FromManager << SourceShift;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private ReadOnlySequence<byte> SlowPayload() => Source == FromSegments
        ? new ReadOnlySequence<byte>((ReadOnlySequenceSegment<byte>)_source!, _start, (ReadOnlySequenceSegment<byte>)_guard!, _length)
        : new ReadOnlySequence<byte>(ContiguousMemory());

    [MethodImpl(MethodImplOptions.NoInlining)]
    private ReadOnlySpan<byte> SlowSpan() => ContiguousMemory().Span;

    private ReadOnlyMemory<byte> ContiguousMemory() => _source switch
    {
        null => default,
        byte[] array => new ReadOnlyMemory<byte>(array, _start, _length),
        MemoryManager<byte> manager => manager.Memory.Slice(_start, _length),
        _ => ThrowInPieces(),
    };

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static ReadOnlyMemory<byte> ThrowInPieces() => throw new InvalidOperationException(
        "This message was made of several pieces, so it has no one span or memory. Read Payload, or copy it with ToArray.");

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void ThrowLoanOver() => throw new InvalidOperationException(
        "This message's payload was lent until the next receive, and that loan is over. Use Retain() or ToArray() before the next ReceiveAsync or TryReceive to keep it longer.");
}
