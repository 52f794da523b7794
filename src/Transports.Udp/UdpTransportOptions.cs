using System.Net;
using System.Net.Sockets;

namespace Transports;

/// <summary>The limits and choices of UDP channels and listeners.</summary>
public sealed class UdpTransportOptions : MessageChannelOptions
{
    /// <summary>The largest payload of a datagram over IPv4, in bytes: 65,535 less the headers of IP and UDP.</summary>
    public const int MaxDatagramSize = 65_507;

    /// <summary>
    /// A payload that passes every path of the Internet unfragmented, in bytes: the smallest MTU of IPv6 is 1,280 (RFC 8200,
    /// section 5), less 48 for the headers of IPv6 and UDP, less room for a tunnel.
    /// </summary>
    public const int SafeDatagramSize = 1_200;

    /// <summary>Options with their defaults: <see cref="MessageChannelOptions.MaxMessageSize"/> is <see cref="SafeDatagramSize"/>.</summary>
    public UdpTransportOptions() => MaxMessageSize = SafeDatagramSize;

    /// <summary>
    /// How many peers a listener keeps at once. Default 1,024; from 1 to 1,000,000. A peer takes at most twice
    /// <see cref="PeerQueueSize"/> and what its channel sends.
    /// </summary>
    /// <remarks>
    /// When all places are taken and one more peer sends, the place of a silent one is given to it: of the peer that has been silent longest of
    /// those that have sent one datagram only; if there is none, of the peer that has been silent longest of all, if that is
    /// <see cref="EvictionIdleTime"/> or more. The channel that loses its place ends with <see cref="ChannelCloseStatus.PolicyViolation"/>. If nobody has to make
    /// room, the datagram is dropped. Both are counted: <see cref="IUdpListenerStatisticsFeature"/>. So a flood of forged addresses, a datagram each,
    /// keeps neither those out who come after it nor those who are there. A client that waits long for its second datagram should
    /// send an empty one meanwhile.
    /// </remarks>
    public int MaxPeers { get; set; } = 1024;

    /// <summary>
    /// How long a peer that has sent more than one datagram must have been silent before a new one may take its place, when there are <see cref="MaxPeers"/>.
    /// Default 10 seconds; must be positive, or <see cref="Timeout.InfiniteTimeSpan"/> for never: it then keeps its place for <see cref="IdleTimeout"/>.
    /// </summary>
    public TimeSpan EvictionIdleTime { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>How long connecting may take, which is finding the addresses of a name: UDP has no handshake. Default 15 seconds; must be positive.</summary>
    public TimeSpan ConnectTimeout { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>How many new peers wait to be accepted. Default 128; from 1 to 1,000,000. A datagram from one more is dropped and counted.</summary>
    public int AcceptBacklog { get; set; } = 128;

    /// <summary>
    /// How many bytes of datagrams wait in one peer's channel to be received, each counted with four bytes more. Default
    /// 128 KiB; from 1 KiB to 1 GiB. When a datagram does not fit, it is dropped and counted: the newest goes, the listener
    /// and other peers feel nothing.
    /// </summary>
    public int PeerQueueSize { get; set; } = 128 * 1024;

    /// <summary>
    /// How long a listener keeps a peer it has heard nothing from. Default 60 seconds; must be positive. UDP has no close, so
    /// silence is the only end: the channel ends with <see cref="ChannelCloseStatus.TimedOut"/>. Checked four times in that time.
    /// </summary>
    public TimeSpan IdleTimeout { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>
    /// Whether a listener's channel sends a peer no more than the peer sent, until the peer has answered. Default
    /// <see langword="true"/>: source addresses can be forged, and a server that sends more than it receives multiplies an attack. A send over
    /// the allowance throws <see cref="UdpAmplificationLimitException"/>.
    /// </summary>
    /// <remarks>
    /// Each datagram counts with its payload and 28 bytes for the headers of IP and UDP, in both directions. The peer has
    /// answered when a datagram comes from it after one was sent to it. Whoever forges addresses and sends blindly a second time
    /// passes for one that answered: where that matters, put a secret into the first reply and expect it back.
    /// </remarks>
    public bool LimitAmplification { get; set; } = true;

    /// <summary>
    /// Whether Linux may carry several datagrams in one system call, and let the kernel cut and join datagrams of one size
    /// (UDP_SEGMENT, UDP_GRO). Default <see langword="true"/>. What is on the wire is the same; a rule that drops or counts
    /// packets on the sending machine itself (nftables, tc) may see up to 64 of them as one.
    /// </summary>
    public bool EnableBatching { get; set; } = true;

    /// <summary>
    /// Whether batched reads let the kernel join datagrams of one sender and size (UDP_GRO). Default <see langword="true"/>: a stream
    /// of small datagrams is read several times as fast. The price is that <see cref="IUdpStatisticsFeature.DroppedByKernel"/> counts a
    /// dropped packet of joined datagrams once; set <see langword="false"/> where that count has to be exact.
    /// </summary>
    public bool EnableReceiveOffload { get; set; } = true;

    /// <summary>The socket's own receive buffer in bytes, where a burst waits. Default 1 MiB; from 4 KiB to 1 GiB. The operating system may grant less (Linux: net.core.rmem_max).</summary>
    public int SocketReceiveBufferSize { get; set; } = 1024 * 1024;

    /// <summary>The socket's own send buffer in bytes, or 0 for the operating system's default, which is the default.</summary>
    public int SocketSendBufferSize { get; set; }

    /// <summary>
    /// Whether a name with several addresses is connected to at its IPv6 address first. Default <see langword="false"/>: no handshake
    /// tells which of them answers, and <c>localhost</c> means 127.0.0.1 to most programs.
    /// </summary>
    public bool PreferIPv6 { get; set; }

    /// <summary>Whether a listener on an IPv6 wildcard address hears IPv4 too. Default <see langword="true"/>.</summary>
    public bool DualMode { get; set; } = true;

    /// <summary>Whether a client may send to a broadcast address, such as <c>udp://255.255.255.255:9</c>. Default <see langword="false"/>.</summary>
    public bool EnableBroadcast { get; set; }

    /// <summary>The multicast groups a listener joins. Default none. Listen on <c>udp://[::]:port</c>, or on the group's own address.</summary>
    public IList<IPAddress> MulticastGroups { get; } = [];

    /// <summary>The index of the network interface multicast goes through, in both directions; 0, the default, leaves it to the operating system.</summary>
    public int MulticastInterface { get; set; }

    /// <summary>Whether what is sent to a multicast group is heard on this machine too. Default <see langword="true"/>.</summary>
    public bool MulticastLoopback { get; set; } = true;

    /// <summary>How many routers a multicast datagram may pass, plus one. Default 1, the local network; from 0 to 255.</summary>
    public int MulticastTimeToLive { get; set; } = 1;

    /// <summary>Whether several sockets may be bound to a listener's port, as receivers of one multicast group are. Default <see langword="false"/>.</summary>
    public bool ReuseAddress { get; set; }

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        OptionGuard.ThrowIfOutOfRange(MaxMessageSize, 1, MaxDatagramSize, nameof(MaxMessageSize));
        OptionGuard.ThrowIfOutOfRange(MaxPeers, 1, 1_000_000, nameof(MaxPeers));
        OptionGuard.ThrowIfOutOfRange(AcceptBacklog, 1, 1_000_000, nameof(AcceptBacklog));
        OptionGuard.ThrowIfOutOfRange(PeerQueueSize, 1024, 1024 * 1024 * 1024, nameof(PeerQueueSize));
        OptionGuard.ThrowIfNotPositive(IdleTimeout, nameof(IdleTimeout));
        OptionGuard.ThrowIfNotPositive(ConnectTimeout, nameof(ConnectTimeout));
        if (EvictionIdleTime != Timeout.InfiniteTimeSpan)
        {
            OptionGuard.ThrowIfNotPositive(EvictionIdleTime, nameof(EvictionIdleTime));
        }

        OptionGuard.ThrowIfOutOfRange(SocketReceiveBufferSize, 4096, 1024 * 1024 * 1024, nameof(SocketReceiveBufferSize));
        OptionGuard.ThrowIfOutOfRange(SocketSendBufferSize, 0, 1024 * 1024 * 1024, nameof(SocketSendBufferSize));
        OptionGuard.ThrowIfOutOfRange(MulticastInterface, 0, int.MaxValue, nameof(MulticastInterface));
        OptionGuard.ThrowIfOutOfRange(MulticastTimeToLive, 0, 255, nameof(MulticastTimeToLive));
        foreach (var group in MulticastGroups)
        {
            if (group is null || !IsMulticast(group))
            {
                throw new ArgumentException($"{group} is not a multicast address. IPv4 groups are in 224.0.0.0/4, IPv6 groups in ff00::/8.", nameof(MulticastGroups));
            }
        }
    }

    /// <summary>The system calls of batching; tests refuse some.</summary>
    internal IDatagramCalls Calls { get; set; } = LinuxDatagramCalls.Instance;

    internal static bool IsMulticast(IPAddress address) => address.AddressFamily == AddressFamily.InterNetworkV6
        ? address.IsIPv6Multicast
        : (address.GetAddressBytes()[0] & 0xF0) == 0xE0;
}
