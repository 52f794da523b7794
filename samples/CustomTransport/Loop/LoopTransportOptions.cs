using Transports;

namespace CustomTransport;

/// <summary>Limits of the loop transport.</summary>
public sealed class LoopTransportOptions : MessageChannelOptions
{
    /// <summary>How bytes become messages; the same on both ends. Default <see cref="LengthPrefixedFraming.Default"/>.</summary>
    public IMessageFraming Framing { get; set; } = LengthPrefixedFraming.Default;

    /// <summary>How many connections the system holds that were not accepted yet. Default 512; at least 1.</summary>
    public int Backlog { get; set; } = 512;

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        ArgumentNullException.ThrowIfNull(Framing);
        ArgumentOutOfRangeException.ThrowIfLessThan(Backlog, 1);
    }
}
