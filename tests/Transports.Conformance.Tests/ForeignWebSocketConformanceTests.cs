using System.Net.Sockets;
using System.Net.WebSockets;

namespace Transports.Conformance.Tests;

/// <summary>The suite over WebSockets that somebody else has opened: the platform's, on plain sockets.</summary>
public sealed class ForeignWebSocketConformanceTests : TransportConformanceTests
{
    protected override string Name => "loop";

    // Each message costs a send and a receive of the WebSocket.
    protected override int MessageCount => 10_000;

    // Connections are the transports' own.
    protected override int ConnectionCount => 200;

    protected override Uri CreateListenAddress() => new("loop://localhost:0");

    protected override ITransport CreateTransport(ConformanceOptions options)
        => new LoopbackTransport(
            new ChannelCharacteristics
            {
                IsReliable = true,
                IsOrdered = true,
                PreservesMessageBoundaries = true,
                PreservesMessageKind = true,
                CarriesCloseStatus = true,
                MaxMessageSize = options.MaxMessageSize,
            },
            (socket, side, remote) => WebSocket
                .CreateFromStream(new NetworkStream(socket, ownsSocket: true), new WebSocketCreationOptions { IsServer = side == ChannelSide.Server })
                .AsMessageChannel(options.ApplyTo(new MessageChannelOptions()), remote));
}
