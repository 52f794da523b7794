namespace Transports;

/// <summary>Which way messages go, seen from this end (RFC 9622, section 6.2.12).</summary>
public enum ChannelDirection
{
    /// <summary>Both ways.</summary>
    Bidirectional = 0,

    /// <summary>This end only sends.</summary>
    UnidirectionalSend = 1,

    /// <summary>This end only receives.</summary>
    UnidirectionalReceive = 2,
}
