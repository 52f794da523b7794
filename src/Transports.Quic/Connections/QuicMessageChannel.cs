using System.Diagnostics;
using System.Runtime.Versioning;

namespace Transports;

/// <summary>A channel over one stream of a QUIC connection; each message after its length in four bytes, big-endian.</summary>
[SupportedOSPlatform("linux")]
[SupportedOSPlatform("macos")]
[SupportedOSPlatform("windows")]
[DebuggerDisplay("{LocalAddress} with {RemoteAddress}, closed: {Closed.IsCompleted}")]
internal sealed class QuicMessageChannel(ByteConnection connection, MultiplexedQuicConnection owner, MessageChannelContext context)
    : FramedMessageChannel(connection, LengthPrefixedFraming.Default, context)
{
    public override TFeature? GetFeature<TFeature>()
        where TFeature : class
        => owner as TFeature ?? base.GetFeature<TFeature>();
}
