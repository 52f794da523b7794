namespace Transports.Udp;

/// <summary>Peers in the order in which they were heard last. Adding, moving and removing take constant time; not thread-safe.</summary>
internal sealed class UdpPeerList
{
    private UdpPeerChannel? _newest;

    /// <summary>The one that has been silent longest.</summary>
    public UdpPeerChannel? Oldest { get; private set; }

    /// <summary>Adds a peer that was heard just now and is in no list.</summary>
    public void Add(UdpPeerChannel peer)
    {
        peer.List = this;
        peer.Older = _newest;
        if (_newest is null)
        {
            Oldest = peer;
        }
        else
        {
            _newest.Newer = peer;
        }

        _newest = peer;
    }

    /// <summary>Takes a peer out.</summary>
    public void Remove(UdpPeerChannel peer)
    {
        if (peer.Older is null)
        {
            Oldest = peer.Newer;
        }
        else
        {
            peer.Older.Newer = peer.Newer;
        }

        if (peer.Newer is null)
        {
            _newest = peer.Older;
        }
        else
        {
            peer.Newer.Older = peer.Older;
        }

        peer.List = null;
        peer.Older = peer.Newer = null;
    }
}
