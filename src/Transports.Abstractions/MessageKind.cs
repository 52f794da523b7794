namespace Transports;

/// <summary>What a message's bytes are. Kept across the wire where <see cref="ChannelCharacteristics.PreservesMessageKind"/> says so; elsewhere every message arrives as <see cref="Binary"/>.</summary>
public enum MessageKind
{
    /// <summary>Bytes without a stated meaning.</summary>
    Binary = 0,

    /// <summary>Text, encoded as UTF-8 (RFC 3629).</summary>
    Text = 1,
}
