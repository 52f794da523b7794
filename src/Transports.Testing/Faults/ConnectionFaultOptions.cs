namespace Transports.Testing;

/// <summary>What goes wrong on a <see cref="FaultyByteConnection"/>. The same seed gives the same splits.</summary>
public sealed record ConnectionFaultOptions
{
    /// <summary>Decides the sizes of pieces. Default 0.</summary>
    public int Seed { get; init; }

    /// <summary>The most bytes one read delivers: 1 for one at a time. Each read delivers from 1 to this many. Default unlimited; 1 or more.</summary>
    public int MaxReadSize { get; init; } = int.MaxValue;

    /// <summary>The most bytes one write passes on; a larger one is split into pieces of 1 to this many. Default unlimited; 1 or more.</summary>
    public int MaxWriteSize { get; init; } = int.MaxValue;

    /// <summary>After how many bytes the peer's bytes end, as if it had finished there. Default <see langword="null"/>, never; otherwise 0 or more.</summary>
    public long? EndAfterBytesRead { get; init; }

    /// <summary>After how many written bytes the connection is cut, the rest of that write lost. Default <see langword="null"/>, never; otherwise 0 or more.</summary>
    public long? CutAfterBytesWritten { get; init; }

    internal void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxReadSize, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxWriteSize, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(EndAfterBytesRead ?? 0, nameof(EndAfterBytesRead));
        ArgumentOutOfRangeException.ThrowIfNegative(CutAfterBytesWritten ?? 0, nameof(CutAfterBytesWritten));
    }
}
