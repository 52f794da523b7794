using System.Collections.Concurrent;

namespace Transports;

/// <summary>
/// Finds channels that were busy and then went quiet in the middle of a read, so that a hundred thousand idle connections do
/// not hold a hundred thousand buffers. A read begun by an idle channel holds none anyway.
/// </summary>
internal static class IdleBufferSweeper
{
    /// <summary>A wait longer than this makes a connection idle.</summary>
    public const long IdleAfterMilliseconds = 1000;

    private static readonly ConcurrentDictionary<FrameReceiver, byte> Receivers = new();

    // One timer for the process; it sleeps while there is nobody to look after.
    private static readonly Timer Timer = new(static _ => Sweep(Environment.TickCount64), null, Timeout.Infinite, Timeout.Infinite);
    private static int s_running;

    public static void Add(FrameReceiver receiver)
    {
        Receivers[receiver] = 0;
        if (Interlocked.Exchange(ref s_running, 1) == 0)
        {
            Timer.Change(IdleAfterMilliseconds, Timeout.Infinite);
        }
    }

    public static void Remove(FrameReceiver receiver) => Receivers.TryRemove(receiver, out _);

    private static void Sweep(long now)
    {
        foreach (var (receiver, _) in Receivers)
        {
            receiver.Sweep(now);
        }

        if (Receivers.IsEmpty)
        {
            Volatile.Write(ref s_running, 0);
            if (Receivers.IsEmpty || Interlocked.Exchange(ref s_running, 1) != 0)
            {
                return;
            }
        }

        Timer.Change(IdleAfterMilliseconds, Timeout.Infinite);
    }
}
