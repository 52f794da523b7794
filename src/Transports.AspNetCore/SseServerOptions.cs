namespace Transports;

/// <summary>How server-sent events are served.</summary>
public sealed class SseServerOptions
{
    /// <summary>
    /// How many bytes of events each session keeps for a client that comes back with <c>Last-Event-ID</c>. Default 64 KiB, from 0 to 1 GiB. What was written last is kept whatever its size, until more is
    /// written, as it may not have arrived: after a large binary message an idle session holds it once, as base64. 0
    /// keeps none and writes no ids: a session ends with its connection, and its channel is not
    /// <see cref="ChannelCharacteristics.IsReliable"/>. A page begins anew, a channel ends.
    /// </summary>
    public int ReplayBufferSize { get; set; } = 64 * 1024;

    /// <summary>How long a session waits for a client that is cut off to come back, before its channel ends with <see cref="ChannelCloseStatus.ConnectionLost"/>; and how long the last events of a closed one are kept for a client that was cut off before it had them. Default 15 seconds; must be positive.</summary>
    public TimeSpan SessionTimeout { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>How long clients are asked to wait before they come back (<c>retry</c>). Default 1 second; must be positive.</summary>
    public TimeSpan ReconnectDelay { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>How often a comment is sent on an event stream, so that proxies and clients know it is alive. Default 15 seconds; must be positive.</summary>
    public TimeSpan KeepAliveInterval { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>How long a client may leave a write untaken before its connection is cut; looked at every <see cref="KeepAliveInterval"/>. Default 30 seconds; must be positive.</summary>
    public TimeSpan WriteTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>How many sessions a route or listener has at most; more are refused with HTTP status 503. Closed ones make room. Default 10,000; from 1.</summary>
    public int MaxSessions { get; set; } = 10_000;

    /// <summary>Checks the values.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A value is out of its range; the message names it and the range.</exception>
    public void Validate()
    {
        OptionGuard.ThrowIfOutOfRange(ReplayBufferSize, 0, 1024 * 1024 * 1024, nameof(ReplayBufferSize));
        OptionGuard.ThrowIfNotPositive(SessionTimeout, nameof(SessionTimeout));
        OptionGuard.ThrowIfNotPositive(ReconnectDelay, nameof(ReconnectDelay));
        OptionGuard.ThrowIfNotPositive(KeepAliveInterval, nameof(KeepAliveInterval));
        OptionGuard.ThrowIfNotPositive(WriteTimeout, nameof(WriteTimeout));
        OptionGuard.ThrowIfOutOfRange(MaxSessions, 1, int.MaxValue, nameof(MaxSessions));
    }
}
