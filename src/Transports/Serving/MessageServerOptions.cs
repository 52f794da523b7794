namespace Transports;

/// <summary>Limits of a <see cref="MessageServer"/>.</summary>
public sealed class MessageServerOptions
{
    /// <summary>
    /// How many channels may be open at once. Default 10,000; from 1 to 10,000,000. At the bound the server stops accepting until
    /// one ends: new peers wait in the listener's backlog rather than being refused.
    /// </summary>
    public int MaxChannels { get; set; } = 10_000;

    /// <summary>How long a stopping server waits for its handlers before it closes their channels under them. Default 10 seconds; must be positive.</summary>
    public TimeSpan ShutdownTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>How long the server pauses after an accept failed. Doubled with each failure in a row. Default 20 milliseconds; must be positive.</summary>
    public TimeSpan AcceptRetryDelay { get; set; } = TimeSpan.FromMilliseconds(20);

    /// <summary>The longest such pause. Default 1 second, in which a server is back after it had run out of file descriptors; not less than <see cref="AcceptRetryDelay"/>.</summary>
    public TimeSpan MaxAcceptRetryDelay { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>
    /// Who may come in and how long silent peers may stay; share one to bound several servers together. Default none: <see cref="MaxChannels"/> is the only bound, which one peer alone can fill.
    /// </summary>
    public ConnectionGuard? Guard { get; set; }

    /// <summary>The clock of every wait. Default <see cref="TimeProvider.System"/>.</summary>
    public TimeProvider TimeProvider { get; set; } = TimeProvider.System;

    /// <summary>Checks the values and their relations.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A value is out of its range; the message names it and the range.</exception>
    /// <exception cref="ArgumentNullException">A service is missing.</exception>
    public void Validate()
    {
        OptionGuard.ThrowIfOutOfRange(MaxChannels, 1, 10_000_000, nameof(MaxChannels));
        OptionGuard.ThrowIfNotPositive(ShutdownTimeout, nameof(ShutdownTimeout));
        OptionGuard.ThrowIfNotPositive(AcceptRetryDelay, nameof(AcceptRetryDelay));
        OptionGuard.ThrowIfNotPositive(MaxAcceptRetryDelay, nameof(MaxAcceptRetryDelay));
        if (MaxAcceptRetryDelay < AcceptRetryDelay)
        {
            throw new ArgumentOutOfRangeException(nameof(MaxAcceptRetryDelay), MaxAcceptRetryDelay, $"MaxAcceptRetryDelay must not be less than AcceptRetryDelay ({AcceptRetryDelay}).");
        }

        ArgumentNullException.ThrowIfNull(TimeProvider);
    }
}
