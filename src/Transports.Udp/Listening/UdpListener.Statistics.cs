namespace Transports.Udp;

/// <summary>The listener's counts: its channels' sums, the table's, and the kernel's.</summary>
internal sealed partial class UdpListener
{
    public int ActivePeers => _peers.Count;

    public long PeersAccepted => _peers.Accepted;

    public long PeersTimedOut => _peers.TimedOut;

    public long PeersEvicted => _peers.Evicted;

    public long DroppedPeerLimit => _peers.DroppedPeerLimit;

    public long DroppedBacklogFull => _peers.DroppedBacklogFull;

    public long DroppedNotAccepting => _peers.DroppedNotAccepting;

    public long DroppedTooLarge => Counters.DroppedTooLarge + _peers.DroppedTooLarge;

    public long DatagramsSent => Counters.DatagramsSent;

    public long BytesSent => Counters.BytesSent;

    public long DatagramsReceived => Counters.DatagramsReceived;

    public long BytesReceived => Counters.BytesReceived;

    public long SendErrors => Counters.SendErrors;

    public long DroppedQueueFull => Counters.DroppedQueueFull;

    public long RefusedByAmplificationLimit => Counters.RefusedByAmplificationLimit;

    public long DroppedByKernel => Counters.DroppedByKernel;
}
