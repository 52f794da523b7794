using System.Globalization;

namespace Transports.Extensibility;

/// <summary>Range checks for options that say the name, the value and the range.</summary>
public static class OptionGuard
{
    internal const int OneGibibyte = 1024 * 1024 * 1024;

    /// <summary>Checks that a number is within a range, both ends included.</summary>
    /// <param name="value">The number.</param>
    /// <param name="minimum">The smallest allowed.</param>
    /// <param name="maximum">The largest allowed.</param>
    /// <param name="name">The option's name.</param>
    /// <exception cref="ArgumentOutOfRangeException">It is not.</exception>
    public static void ThrowIfOutOfRange(long value, long minimum, long maximum, string name)
    {
        if (value < minimum || value > maximum)
        {
            throw new ArgumentOutOfRangeException(
                name,
                value,
                string.Create(CultureInfo.InvariantCulture, $"{name} must be from {minimum} to {maximum}."));
        }
    }

    /// <summary>Checks that a time is more than zero and no longer than a timer can wait (about 24 days).</summary>
    /// <param name="value">The time.</param>
    /// <param name="name">The option's name.</param>
    /// <exception cref="ArgumentOutOfRangeException">It is not.</exception>
    public static void ThrowIfNotPositive(TimeSpan value, string name)
    {
        if (value <= TimeSpan.Zero || value.TotalMilliseconds > int.MaxValue)
        {
            throw new ArgumentOutOfRangeException(name, value, $"{name} must be more than zero and at most 24 days.");
        }
    }
}
