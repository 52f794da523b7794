namespace Transports;

/// <summary>
/// The sums over all peers of a UDP listener, past and present: a listener opened by <see cref="UdpTransport"/> implements it,
/// and each of its channels has it as a feature.
/// </summary>
public interface IUdpListenerStatistics : IUdpStatistics
{
    /// <summary>Peers that have a channel now.</summary>
    int Peers { get; }

    /// <summary>Peers that were given a channel so far.</summary>
    long PeersAccepted { get; }

    /// <summary>Peers whose channel ended for silence.</summary>
    long PeersTimedOut { get; }

    /// <summary>Datagrams from new addresses dropped because the listener had <see cref="UdpTransportOptions.MaxPeers"/>.</summary>
    long DroppedMaxPeers { get; }

    /// <summary>Datagrams from new addresses dropped because <see cref="UdpTransportOptions.AcceptBacklog"/> was full.</summary>
    long DroppedBacklogFull { get; }

    /// <summary>Datagrams from new addresses dropped because the listener no longer accepts.</summary>
    long DroppedNotAccepting { get; }
}
