using Transports;

namespace CustomTransport;

/// <summary>Limits of the packet transport.</summary>
/// <remarks>A packet is one piece of the kernel's memory, of which a socket has 208 KiB by default, so a message has at most <see cref="MaxPacketSize"/> bytes whatever <see cref="MessageChannelOptions.MaxMessageSize"/> allows.</remarks>
public sealed class PacketTransportOptions : MessageChannelOptions
{
    /// <summary>The largest message in bytes.</summary>
    public const int MaxPacketSize = 128 * 1024;

    /// <summary>How many connections the system holds that were not accepted yet. Default 512; at least 1.</summary>
    public int Backlog { get; set; } = 512;

    /// <summary>How long connecting waits for room where as many connections wait already as the listener's backlog takes. Default 10 seconds; must be positive.</summary>
    public TimeSpan ConnectTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        ArgumentOutOfRangeException.ThrowIfLessThan(Backlog, 1);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(ConnectTimeout, TimeSpan.Zero);
    }
}
