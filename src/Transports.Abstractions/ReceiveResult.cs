using System.Diagnostics.CodeAnalysis;

namespace Transports;

/// <summary>What a typed receive found: a value, or the peer's end.</summary>
/// <typeparam name="T">The value's type.</typeparam>
public readonly struct ReceiveResult<T>
{
    private readonly T? _value;

    /// <summary>A received value. The default value of this struct means that the peer has finished.</summary>
    /// <param name="value">The value; it may be <see langword="null"/> where <typeparamref name="T"/> allows it.</param>
    public ReceiveResult(T value)
    {
        _value = value;
        HasValue = true;
    }

    /// <summary><see langword="true"/> for a message, <see langword="false"/> when the peer has finished.</summary>
    public bool HasValue { get; }

    /// <summary>The value.</summary>
    /// <exception cref="InvalidOperationException">The peer has finished: <see cref="HasValue"/> is <see langword="false"/>.</exception>
    public T Value => HasValue
        ? _value!
        : throw new InvalidOperationException("The peer has finished sending, so there is no value. Check HasValue, or use TryGetValue, before reading Value.");

    /// <summary>Takes the value if there is one.</summary>
    /// <param name="value">The value.</param>
    /// <returns><see langword="false"/> when the peer has finished.</returns>
    public bool TryGetValue([MaybeNullWhen(false)] out T value)
    {
        value = _value;
        return HasValue;
    }
}
