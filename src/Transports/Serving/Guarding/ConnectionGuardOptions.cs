namespace Transports;

/// <summary>What a <see cref="ConnectionGuard"/> lets in, and how long it lets peers stay that do nothing.</summary>
/// <remarks>
/// The defaults are for a server that many honest clients reach through few addresses. Lower them to what your clients need. What no value here
/// bounds, the channels' own options do: <see cref="MessageChannelOptions.MaxMessageSize"/>, the buffers, and <see cref="MessageChannelOptions.SendTimeout"/> for a peer that reads nothing.
/// </remarks>
public sealed class ConnectionGuardOptions
{
    /// <summary>
    /// How many channels may be open in all. Default 10,000; from 1 to 10,000,000. More are refused; a server's own
    /// <see cref="MessageServerOptions.MaxChannels"/> makes them wait instead, so set that higher for peers to be told.
    /// </summary>
    public int MaxChannels { get; set; } = 10_000;

    /// <summary>
    /// How many channels one remote address may have open. Default 1,000, as many clients may be behind one address; from 1 to 10,000,000. Addresses of IPv6 count by
    /// their first 64 bits, of which one client has all the rest. Channels without an IP address, as over Unix sockets and in memory, count only in all.
    /// </summary>
    public int MaxChannelsPerAddress { get; set; } = 1_000;

    /// <summary>
    /// How many channels one principal may have open: on an HTTP endpoint the authenticated user, elsewhere the subject of the client's certificate. Default 1,000; from 1 to 10,000,000.
    /// Anonymous peers are not counted by it.
    /// </summary>
    public int MaxChannelsPerPrincipal { get; set; } = 1_000;

    /// <summary>How many channels are let in a second, from all addresses together. Default 1,000; from 1 to 10,000,000.</summary>
    public int MaxAcceptsPerSecond { get; set; } = 1_000;

    /// <summary>How many may come at once after a quiet time, before <see cref="MaxAcceptsPerSecond"/> holds. Default 2,000; from 1 to 10,000,000.</summary>
    public int AcceptBurst { get; set; } = 2_000;

    /// <summary>How many channels a second are let in from one remote address. Default 200; from 1 to 10,000,000.</summary>
    public int MaxAcceptsPerSecondPerAddress { get; set; } = 200;

    /// <summary>How many may come at once from one address after a quiet time. Default 1,000; from 1 to 10,000,000.</summary>
    public int AcceptBurstPerAddress { get; set; } = 1_000;

    /// <summary>
    /// How long a peer may take to send its first message, before its channel is closed as <see cref="ChannelCloseStatus.TimedOut"/>. Default 30 seconds; at least 1 second;
    /// <see cref="Timeout.InfiniteTimeSpan"/> never, for clients that only listen. Noticed within two seconds.
    /// </summary>
    /// <remarks>A peer is judged only while its handler waits for a message or asks for one in vain: what is not received cannot be seen. Channels that only send are never judged.</remarks>
    public TimeSpan FirstMessageTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// How long a channel may pass no message in either direction, before it is closed as <see cref="ChannelCloseStatus.TimedOut"/>. Default 10 minutes; at least 1 second;
    /// <see cref="Timeout.InfiniteTimeSpan"/> never. Noticed within two seconds. Judged as by <see cref="FirstMessageTimeout"/>; a transport's own pings are no messages.
    /// </summary>
    public TimeSpan IdleTimeout { get; set; } = TimeSpan.FromMinutes(10);

    /// <summary>
    /// How many messages a second are taken from one channel; as many may come at once after a quiet time. Default <see langword="null"/>, no bound: a handler that keeps up takes what it is sent, and one that does not
    /// makes its peer wait. From 1. Receives wait for their time, and the transport's own window makes the peer wait, or, where it has none, as UDP, its receive buffer drops.
    /// </summary>
    public int? MaxMessagesPerSecond { get; set; }

    /// <summary>How many bytes of messages a second are taken from one channel; a single message that is larger is taken whole, and the next waits the longer. Default <see langword="null"/>, no bound; from 1. See <see cref="MaxMessagesPerSecond"/>.</summary>
    public long? MaxBytesPerSecond { get; set; }

    /// <summary>
    /// How long sends may wait for room, none of them getting any, before the channel of a peer that reads too slowly is closed as <see cref="ChannelCloseStatus.TimedOut"/>. Default 5 minutes; at
    /// least 1 second; <see cref="Timeout.InfiniteTimeSpan"/> never. Noticed within two seconds. <see cref="MessageChannelOptions.SendTimeout"/> sees a peer that reads nothing at all, this one also a peer that reads now and then a byte.
    /// </summary>
    public TimeSpan SlowReaderTimeout { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>
    /// How many bytes all channels may hold in buffers before new channels are refused. Default 1 GiB; from 1 MiB. Counted by a <see cref="MeteredBufferPool"/>
    /// that both the guard and the transports' options were given; without one it bounds nothing.
    /// </summary>
    public long MaxBufferedBytes { get; set; } = OptionGuard.OneGibibyte;

    /// <summary>Checks the values.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A value is out of its range; the message names it and the range.</exception>
    public void Validate()
    {
        CheckCount(MaxChannels, nameof(MaxChannels));
        CheckCount(MaxChannelsPerAddress, nameof(MaxChannelsPerAddress));
        CheckCount(MaxChannelsPerPrincipal, nameof(MaxChannelsPerPrincipal));
        CheckCount(MaxAcceptsPerSecond, nameof(MaxAcceptsPerSecond));
        CheckCount(AcceptBurst, nameof(AcceptBurst));
        CheckCount(MaxAcceptsPerSecondPerAddress, nameof(MaxAcceptsPerSecondPerAddress));
        CheckCount(AcceptBurstPerAddress, nameof(AcceptBurstPerAddress));
        CheckTime(FirstMessageTimeout, nameof(FirstMessageTimeout));
        CheckTime(IdleTimeout, nameof(IdleTimeout));
        CheckTime(SlowReaderTimeout, nameof(SlowReaderTimeout));
        OptionGuard.ThrowIfOutOfRange(MaxMessagesPerSecond ?? int.MaxValue, 1, int.MaxValue, nameof(MaxMessagesPerSecond));
        OptionGuard.ThrowIfOutOfRange(MaxBytesPerSecond ?? long.MaxValue, 1, long.MaxValue, nameof(MaxBytesPerSecond));
        OptionGuard.ThrowIfOutOfRange(MaxBufferedBytes, 1024 * 1024, long.MaxValue, nameof(MaxBufferedBytes));
    }

    private static void CheckCount(int value, string name) => OptionGuard.ThrowIfOutOfRange(value, 1, 10_000_000, name);

    private static void CheckTime(TimeSpan value, string name)
    {
        if (value != Timeout.InfiniteTimeSpan && value < TimeSpan.FromSeconds(1))
        {
            throw new ArgumentOutOfRangeException(name, value, $"{name} must be at least 1 second, or Timeout.InfiniteTimeSpan for never.");
        }
    }
}
