namespace Transports.Testing;

/// <summary>What goes wrong on a channel with <see cref="FaultInjectionExtensions.WithFaults"/>. The same seed and the same sends give the same faults.</summary>
public sealed record ChannelFaultOptions
{
    /// <summary>Decides which messages are hit. Default 0.</summary>
    public int Seed { get; init; }

    /// <summary>How long each message waits before it is sent, in order. Default zero; at most 24 days.</summary>
    public TimeSpan Delay { get; init; }

    /// <summary>The share of messages that vanish although their send completes. Default 0; from 0 to 1.</summary>
    public double DropProbability { get; init; }

    /// <summary>The share of sends that throw <see cref="TransportException"/>, with nothing sent and the channel intact. Default 0; from 0 to 1. A batch is one send.</summary>
    public double FailSendProbability { get; init; }

    /// <summary>
    /// After how many messages the connection is cut: the channel is aborted before the next one is sent, which gets
    /// <see cref="MessageChannelClosedException"/>. Default <see langword="null"/>, never; otherwise 0 or more.
    /// </summary>
    public int? CutAfterMessages { get; init; }

    /// <summary>The clock of <see cref="Delay"/>. Default <see cref="TimeProvider.System"/>.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    internal void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfNegative(Delay.Ticks, nameof(Delay));
        ThrowIfNoShare(DropProbability, nameof(DropProbability));
        ThrowIfNoShare(FailSendProbability, nameof(FailSendProbability));
        ArgumentOutOfRangeException.ThrowIfNegative(CutAfterMessages ?? 0, nameof(CutAfterMessages));
        ArgumentNullException.ThrowIfNull(TimeProvider);
    }

    private static void ThrowIfNoShare(double value, string name)
    {
        if (!(value >= 0 && value <= 1))
        {
            throw new ArgumentOutOfRangeException(name, value, $"{name} must be from 0 to 1.");
        }
    }
}
