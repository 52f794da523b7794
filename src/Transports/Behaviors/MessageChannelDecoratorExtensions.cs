using Microsoft.Extensions.Logging;

namespace Transports;

/// <summary>Adds behaviors to a channel. Each call wraps the channel, which the result then owns; the order is the caller's.</summary>
public static class MessageChannelDecoratorExtensions
{
    /// <summary>Measures the channel with the instruments of the meter <c>Transports</c>; see <see cref="TransportsInstrumentation"/>.</summary>
    /// <param name="channel">The channel.</param>
    /// <returns>The channel to use.</returns>
    public static IMessageChannel WithMetrics(this IMessageChannel channel) => new MetricsMessageChannel(channel);

    /// <summary>Logs the channel's opening and end at Debug and the size of each message at Trace.</summary>
    /// <param name="channel">The channel.</param>
    /// <param name="logger">Where to.</param>
    /// <param name="maxLoggedPayloadBytes">
    /// How many bytes of each payload are logged too, at Trace. Default 0, none: payloads may hold secrets. From 0 to 65,536.
    /// </param>
    /// <returns>The channel to use.</returns>
    public static IMessageChannel WithLogging(this IMessageChannel channel, ILogger logger, int maxLoggedPayloadBytes = 0)
        => new LoggingMessageChannel(channel, logger, maxLoggedPayloadBytes);

    /// <summary>
    /// Sends a ping when nothing else is sent, and closes the channel as TimedOut when the peer is silent. Both sides must use
    /// it with the same <see cref="HeartbeatOptions.Payload"/>; see <see cref="HeartbeatOptions"/>.
    /// </summary>
    /// <param name="channel">The channel.</param>
    /// <param name="options">Times; not to be changed afterwards. The defaults when <see langword="null"/>.</param>
    /// <returns>The channel to use.</returns>
    public static IMessageChannel WithHeartbeat(this IMessageChannel channel, HeartbeatOptions? options = null)
        => new HeartbeatMessageChannel(channel, options ?? new HeartbeatOptions());
}
