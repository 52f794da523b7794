namespace Transports;

/// <summary>The limits and habits of a WebSocket channel, on either side.</summary>
public class WebSocketChannelOptions : MessageChannelOptions
{
    /// <summary>
    /// How long the peer may be silent before it is sent a ping. Default 30 seconds;
    /// <see cref="Timeout.InfiniteTimeSpan"/> sends none.
    /// </summary>
    public TimeSpan KeepAliveInterval { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// How long after a ping has left the peer may stay silent before the channel ends with <see cref="ChannelCloseStatus.TimedOut"/>.
    /// Default 20 seconds; <see cref="Timeout.InfiniteTimeSpan"/> waits for ever. Pings are sent and answered also while nobody receives,
    /// unless more than <see cref="MessageChannelOptions.ReceiveBufferSize"/> bytes wait to be received: what stands behind those is not heard.
    /// </summary>
    public TimeSpan KeepAliveTimeout { get; set; } = TimeSpan.FromSeconds(20);

    /// <summary>
    /// Offers, or accepts, permessage-deflate (RFC 7692) without context takeover. Default off: it costs 0.3 MiB and much
    /// time for each message being compressed, and a message that mixes secrets with an attacker's text leaks them by its size.
    /// </summary>
    public bool EnableCompression { get; set; }

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        PositiveOrInfinite(KeepAliveInterval, nameof(KeepAliveInterval));
        PositiveOrInfinite(KeepAliveTimeout, nameof(KeepAliveTimeout));
    }

    private static void PositiveOrInfinite(TimeSpan value, string name)
    {
        if (value != Timeout.InfiniteTimeSpan)
        {
            OptionGuard.ThrowIfNotPositive(value, name);
        }
    }
}
