namespace Transports;

/// <summary>How a heartbeat keeps watch over a channel.</summary>
/// <remarks>
/// <para><b>The convention</b>: a message whose payload is exactly <see cref="Payload"/>, of either kind, is a ping. Both sides wrap
/// their channel with the same payload; neither's application ever sees one. There is no pong: each side pings.</para>
/// <para><b>Sending</b>: at each <see cref="Interval"/> in which nothing was sent, one ping is sent. At most one waits for room in a
/// full buffer. After a half-close no more are sent. The application itself cannot send that payload: it gets a
/// <see cref="MessageFramingException"/>, and nothing is lost in silence.</para>
/// <para><b>Judging</b>: any incoming message is a sign of life. The peer is judged only while a receive waits, as what is
/// not received cannot be seen; so keep one waiting. When it then stays silent for <see cref="Timeout"/> (noticed at the next
/// interval), the channel is closed as TimedOut; if the peer takes not even that within the channel's close timeout, it is aborted.</para>
/// </remarks>
public sealed class HeartbeatOptions
{
    /// <summary>How often a silent side pings. Default 15 seconds; must be positive.</summary>
    public TimeSpan Interval { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>How long the peer may be silent. Default 45 seconds; at least twice the <see cref="Interval"/>, as a ping may come that late.</summary>
    public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(45);

    /// <summary>
    /// What a ping looks like. Default the ASCII text <c>transports/heartbeat/1</c>, which every framing can carry; from 0 to 256
    /// bytes. An empty one suits applications that never send an empty message.
    /// </summary>
    public ReadOnlyMemory<byte> Payload { get; set; } = "transports/heartbeat/1"u8.ToArray();

    /// <summary>The clock. Default <see cref="TimeProvider.System"/>.</summary>
    public TimeProvider TimeProvider { get; set; } = TimeProvider.System;

    /// <summary>Checks the values and their relations.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A value is out of its range; the message names it and the range.</exception>
    /// <exception cref="ArgumentNullException">A service is missing.</exception>
    public void Validate()
    {
        OptionGuard.ThrowIfNotPositive(Interval, nameof(Interval));
        OptionGuard.ThrowIfNotPositive(Timeout, nameof(Timeout));
        if (Timeout < 2 * Interval)
        {
            throw new ArgumentOutOfRangeException(nameof(Timeout), Timeout, $"Timeout must be at least twice the Interval ({Interval}), or a living peer may look dead.");
        }

        OptionGuard.ThrowIfOutOfRange(Payload.Length, 0, 256, nameof(Payload) + ".Length");
        ArgumentNullException.ThrowIfNull(TimeProvider);
    }
}
