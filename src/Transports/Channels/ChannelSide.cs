namespace Transports.Extensibility;

/// <summary>Which end of a connection a channel is; a tag of its metrics and logs.</summary>
public enum ChannelSide
{
    /// <summary>It connected.</summary>
    Client = 0,

    /// <summary>It was accepted.</summary>
    Server = 1,
}
