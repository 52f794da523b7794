using System.Runtime.Versioning;

namespace Transports;

/// <summary>A channel over one stream of a QUIC connection; each message after its length in four bytes, big-endian.</summary>
[SupportedOSPlatform("linux")]
[SupportedOSPlatform("macos")]
[SupportedOSPlatform("windows")]
internal sealed class QuicMessageChannel(ByteConnection connection, QuicPeer peer, MessageChannelContext context)
    : FramedMessageChannel(connection, LengthPrefixedFraming.Default, context)
{
    public override TFeature? GetFeature<TFeature>()
        where TFeature : class
        => peer as TFeature ?? base.GetFeature<TFeature>();

    public static ChannelCharacteristics CharacteristicsOf(QuicTransportOptions options) => new()
    {
        IsReliable = true,
        IsOrdered = true,
        SupportsHalfClose = true,
        IsEncrypted = true,
        IsMultiplexed = true,
        MaxMessageSize = options.MaxMessageSize,
    };
}
