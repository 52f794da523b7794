namespace Transports.Testing;

/// <summary>What a program is made for: the abilities of both ends' channels, the client's first.</summary>
internal sealed record ModelLimits(ChannelCharacteristics Client, ChannelCharacteristics Server, int MaxMessageSize, int MaxSteps)
{
    public ChannelCharacteristics Of(int end) => end == 0 ? Client : Server;

    public bool CanSend(int end) => Of(end).Direction != ChannelDirection.UnidirectionalReceive && Of(1 - end).Direction != ChannelDirection.UnidirectionalSend;
}
