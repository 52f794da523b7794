using System.Diagnostics;
using Transports;

namespace Compare.Measuring;

/// <summary>Both ends of one open channel.</summary>
/// <param name="Client">The end that connected.</param>
/// <param name="Server">The end that was accepted.</param>
/// <param name="Handshake">From connecting to the first message answered.</param>
internal sealed record ChannelPair(IMessageChannel Client, IMessageChannel Server, TimeSpan Handshake) : IAsyncDisposable
{
    /// <summary>Connects, and sends a message there and back: some transports open in earnest, and some listeners hear of a peer, only then.</summary>
    /// <param name="factory">Opens the channel.</param>
    /// <param name="listener">Accepts it.</param>
    /// <param name="address">Where to connect: the listener, or a relay before it.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public static async Task<ChannelPair> OpenAsync(
        IMessageChannelFactory factory, IMessageListener listener, Uri address, CancellationToken cancellationToken)
    {
        var start = Stopwatch.GetTimestamp();
        var accepting = AcceptAndAnswerAsync(listener, cancellationToken);
        var client = await factory.ConnectAsync(address, cancellationToken);
        await client.SendAsync(new byte[1], cancellationToken);
        var server = await accepting;
        _ = await client.ReceiveAsync(cancellationToken) ?? throw new EndOfStreamException("The listener's side ended the channel.");
        return new ChannelPair(client, server, Stopwatch.GetElapsedTime(start));
    }

    public async ValueTask DisposeAsync()
    {
        await Client.DisposeAsync();
        await Server.DisposeAsync();
    }

    private static async Task<IMessageChannel> AcceptAndAnswerAsync(IMessageListener listener, CancellationToken cancellationToken)
    {
        var server = await listener.AcceptAsync(cancellationToken) ?? throw new EndOfStreamException("The listener stopped.");
        var message = await server.ReceiveAsync(cancellationToken) ?? throw new EndOfStreamException("The connecting side ended the channel.");
        await server.SendAsync(message, cancellationToken);
        return server;
    }
}
