namespace Transports;

/// <summary>Why a channel ended. Adapters map these to their protocol's codes and back.</summary>
public enum ChannelCloseStatus
{
    /// <summary>Everything was said.</summary>
    Normal = 0,

    /// <summary>The end is leaving: a server stops, a page is left.</summary>
    GoingAway = 1,

    /// <summary>Bytes arrived that are not the protocol.</summary>
    ProtocolError = 2,

    /// <summary>A message over the limit arrived.</summary>
    MessageTooLarge = 3,

    /// <summary>A rule of the application or the server forbids to go on.</summary>
    PolicyViolation = 4,

    /// <summary>The end failed inside, for instance a handler threw.</summary>
    InternalError = 5,

    /// <summary>The peer did not answer in time.</summary>
    TimedOut = 6,

    /// <summary>The connection broke without a word.</summary>
    ConnectionLost = 7,

    /// <summary>This side called <see cref="IMessageChannel.Abort"/>.</summary>
    Aborted = 8,
}
