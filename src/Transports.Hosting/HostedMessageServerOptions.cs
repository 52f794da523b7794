namespace Transports;

/// <summary>
/// What a hosted server is told: bound from the configuration section <c>Transports:Servers:NAME</c>, checked when the host starts.
/// </summary>
public sealed class HostedMessageServerOptions
{
    /// <summary>Where to listen, such as <c>tcp://localhost:5000</c>. Required.</summary>
    public Uri? Address { get; set; }

    /// <summary>How many channels may be open at once; see <see cref="MessageServerOptions.MaxChannels"/>. Default 10,000.</summary>
    public int MaxChannels { get; set; } = 10_000;

    /// <summary>How long stopping waits for handlers; see <see cref="MessageServerOptions.ShutdownTimeout"/>. Default 10 seconds. The host's own <c>ShutdownTimeout</c> ends the wait too.</summary>
    public TimeSpan ShutdownTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>The first pause after a failed accept; see <see cref="MessageServerOptions.AcceptRetryDelay"/>. Default 20 milliseconds.</summary>
    public TimeSpan AcceptRetryDelay { get; set; } = TimeSpan.FromMilliseconds(20);

    /// <summary>The longest pause after failed accepts; see <see cref="MessageServerOptions.MaxAcceptRetryDelay"/>. Default 1 second.</summary>
    public TimeSpan MaxAcceptRetryDelay { get; set; } = TimeSpan.FromSeconds(1);

    internal MessageServerOptions ToServerOptions(TimeProvider? timeProvider) => new()
    {
        MaxChannels = MaxChannels,
        ShutdownTimeout = ShutdownTimeout,
        AcceptRetryDelay = AcceptRetryDelay,
        MaxAcceptRetryDelay = MaxAcceptRetryDelay,
        TimeProvider = timeProvider ?? TimeProvider.System,
    };
}
