namespace Transports;

/// <summary>
/// What a named client is told: bound from the configuration section <c>Transports:Clients:NAME</c>, checked when the host starts.
/// </summary>
public sealed class MessageChannelClientOptions
{
    /// <summary>Where to connect, such as <c>tcp://orders:5000</c>. Required.</summary>
    public Uri? Address { get; set; }

    /// <summary>How long connecting may take, handshakes included. Default 15 seconds; must be positive.</summary>
    public TimeSpan ConnectTimeout { get; set; } = TimeSpan.FromSeconds(15);
}
