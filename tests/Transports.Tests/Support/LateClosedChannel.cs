namespace Transports.Tests;

/// <summary>A channel that says how it has ended only when the test lets it.</summary>
internal sealed class LateClosedChannel(IMessageChannel inner, Task<ChannelCloseInfo> closed) : DelegatingMessageChannel(inner)
{
    public override Task<ChannelCloseInfo> Closed => closed;
}
