namespace Transports;

/// <summary>
/// The sums over all peers of a UDP listener, past and present: a listener opened by <see cref="UdpTransport"/> implements it,
/// and each of its channels has it as a feature.
/// </summary>
public interface IUdpListenerStatisticsFeature : IUdpStatisticsFeature
{
    /// <summary>Peers that have a channel now.</summary>
    int ActivePeers { get; }

    /// <summary>Peers that were given a channel so far.</summary>
    long PeersAccepted { get; }

    /// <summary>Peers whose channel ended for silence.</summary>
    long PeersTimedOut { get; }

    /// <summary>Peers whose channel ended because a new one took its place, when there were <see cref="UdpTransportOptions.MaxPeers"/>.</summary>
    long PeersEvicted { get; }

    /// <summary>Datagrams from new addresses dropped because there were <see cref="UdpTransportOptions.MaxPeers"/> and none of them had to make room.</summary>
    long DroppedPeerLimit { get; }

    /// <summary>Datagrams from new addresses dropped because <see cref="UdpTransportOptions.AcceptBacklog"/> was full.</summary>
    long DroppedBacklogFull { get; }

    /// <summary>Datagrams from new addresses dropped because the listener no longer accepts.</summary>
    long DroppedNotAccepting { get; }
}
