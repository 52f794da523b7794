namespace Transports.LossProbe;

/// <summary>What became of the messages.</summary>
public sealed record ProbeReport
{
    /// <summary>Different numbers that arrived, the end not counted.</summary>
    public int Distinct { get; init; }

    /// <summary>Each number came right after the one before it.</summary>
    public bool InOrder { get; init; } = true;

    /// <summary>Datagrams that the operating system took. UDP only, as all below.</summary>
    public long Sent { get; init; }

    /// <summary>Datagrams that reached the channel.</summary>
    public long Received { get; init; }

    /// <summary>Packets that the receiver's kernel dropped, included in <see cref="Dropped"/>; one of several joined datagrams counts once.</summary>
    public long DroppedByKernel { get; init; }

    /// <summary>Datagrams dropped and counted, for whatever reason, at either end.</summary>
    public long Dropped { get; init; }
}
