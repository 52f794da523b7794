namespace Transports.Extensibility;

/// <summary>What <see cref="MessageCodec.Read"/> or <see cref="MessageCodec.Scan"/> found.</summary>
public enum ReadStatus
{
    /// <summary>Nothing whole is left: more bytes are needed. Some may have been consumed.</summary>
    NeedMore,

    /// <summary>At least one message: see <see cref="CodecRead.Count"/>.</summary>
    Messages,

    /// <summary>The peer asks for an answer of the protocol's own: see <see cref="CodecRead.Reply"/>.</summary>
    Reply,

    /// <summary>The peer has said inside its stream that no more messages come. What follows is not read.</summary>
    EndOfInput,

    /// <summary>The peer has closed by the protocol: see <see cref="CodecRead.Close"/>. What follows is not read.</summary>
    Closed,
}
