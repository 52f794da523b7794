using System.Globalization;
using Microsoft.Extensions.Primitives;

namespace Transports.AspNetCore;

/// <summary>How long a client is ready to wait (RFC 7240, section 4.3).</summary>
internal static class SsePreference
{
    // More than a timer takes would be no preference.
    private const int MaxSeconds = 24 * 60 * 60;

    /// <summary>The seconds of <c>wait</c>, or <see cref="Timeout.InfiniteTimeSpan"/> without one.</summary>
    public static TimeSpan WaitOf(StringValues prefer)
    {
        foreach (var value in prefer)
        {
            foreach (var preference in (value ?? "").Split(',', StringSplitOptions.TrimEntries))
            {
                if (preference.StartsWith("wait=", StringComparison.OrdinalIgnoreCase)
                    && int.TryParse(preference.AsSpan("wait=".Length), NumberStyles.None, CultureInfo.InvariantCulture, out var seconds))
                {
                    return TimeSpan.FromSeconds(Math.Min(seconds, MaxSeconds));
                }
            }
        }

        return Timeout.InfiniteTimeSpan;
    }
}
