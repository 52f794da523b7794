using System.Globalization;

namespace Transports.Grpc;

/// <summary>The <c>grpc-timeout</c> header: at most eight digits and a unit (PROTOCOL-HTTP2.md, "Requests").</summary>
internal static class GrpcTimeout
{
    private const long MaxValue = 99_999_999;

    // The finest unit that fits eight digits, so that as little as possible is rounded away.
    private static readonly (char Unit, double Ticks)[] Units =
    [
        ('n', TimeSpan.TicksPerMillisecond / 1_000_000.0),
        ('u', TimeSpan.TicksPerMillisecond / 1_000.0),
        ('m', TimeSpan.TicksPerMillisecond),
        ('S', TimeSpan.TicksPerSecond),
        ('M', TimeSpan.TicksPerMinute),
        ('H', TimeSpan.TicksPerHour),
    ];

    public static string Format(TimeSpan timeout)
    {
        foreach (var (unit, ticks) in Units)
        {
            var value = Math.Ceiling(timeout.Ticks / ticks);
            if (value <= MaxValue)
            {
                return string.Create(CultureInfo.InvariantCulture, $"{(long)Math.Max(value, 0)}{unit}");
            }
        }

        return string.Create(CultureInfo.InvariantCulture, $"{MaxValue}H");
    }

    public static bool TryParse(string? text, out TimeSpan timeout)
    {
        timeout = default;
        if (text is null || text.Length is < 2 or > 9
            || !long.TryParse(text.AsSpan(0, text.Length - 1), NumberStyles.None, CultureInfo.InvariantCulture, out var value))
        {
            return false;
        }

        foreach (var (unit, ticks) in Units)
        {
            if (text[^1] == unit)
            {
                var total = value * ticks;
                timeout = total >= TimeSpan.MaxValue.Ticks ? TimeSpan.MaxValue : new TimeSpan((long)total);
                return true;
            }
        }

        return false;
    }
}
