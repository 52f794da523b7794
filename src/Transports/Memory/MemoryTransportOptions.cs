namespace Transports;

/// <summary>Limits of the in-memory transport.</summary>
/// <remarks>
/// <see cref="MessageChannelOptions.SendBufferSize"/> bounds each direction: a channel holds twice as many bytes at most, one
/// buffer being filled and one being read, unless a single message is larger.
/// </remarks>
public sealed class MemoryTransportOptions : MessageChannelOptions
{
    /// <summary>How many connected channels may wait to be accepted at one name before connecting waits. Default 128; from 1 to 65,536.</summary>
    public int AcceptBacklog { get; set; } = 128;

    /// <summary>How long connecting waits for room in a full backlog. Default 10 seconds; must be positive.</summary>
    public TimeSpan ConnectTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        OptionGuard.ThrowIfOutOfRange(AcceptBacklog, 1, 65_536, nameof(AcceptBacklog));
        OptionGuard.ThrowIfNotPositive(ConnectTimeout, nameof(ConnectTimeout));
    }
}
