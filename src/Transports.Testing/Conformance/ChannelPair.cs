namespace Transports.Testing;

/// <summary>The two ends of one open connection, and the listener that accepted it.</summary>
/// <param name="Client">The end that connected.</param>
/// <param name="Server">The end that accepted.</param>
/// <param name="Listener">The listener, still open.</param>
public sealed record ChannelPair(IMessageChannel Client, IMessageChannel Server, IMessageListener Listener)
{
    /// <summary>The end to send from: the client, unless it can only receive.</summary>
    public IMessageChannel Sender => ClientOnlyReceives ? Server : Client;

    /// <summary>The other end.</summary>
    public IMessageChannel Receiver => ClientOnlyReceives ? Client : Server;

    private bool ClientOnlyReceives => Client.Characteristics.Direction == ChannelDirection.UnidirectionalReceive;
}
