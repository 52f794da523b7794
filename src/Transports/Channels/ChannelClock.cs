namespace Transports.Engine;

/// <summary>Milliseconds that only rise, as <see cref="Environment.TickCount64"/> has them, by a channel's own clock.</summary>
internal static class ChannelClock
{
    /// <summary>Now. The system's clock is asked the cheap way.</summary>
    public static long Now(TimeProvider time)
        => ReferenceEquals(time, TimeProvider.System) ? Environment.TickCount64 : (long)time.GetElapsedTime(0).TotalMilliseconds;
}
