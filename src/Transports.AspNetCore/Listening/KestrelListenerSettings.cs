using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Transports.AspNetCore;

/// <summary>What a <see cref="KestrelListener"/> needs to know of its transport's options.</summary>
internal sealed record KestrelListenerSettings
{
    public required HttpProtocols Protocols { get; init; }

    /// <summary>How encrypted addresses are served.</summary>
    public required TlsServerOptions Tls { get; init; }

    /// <summary>How the sockets ask whether their peer is still there.</summary>
    public required TcpKeepAliveOptions TcpKeepAlive { get; init; }

    /// <summary>Whether open channels need new requests, as a session of several does: the port stays open for them until the last one has ended.</summary>
    public bool ChannelsNeedRequests { get; init; }

    /// <summary>How many channels wait to be accepted at most.</summary>
    public required int Backlog { get; init; }

    /// <summary>Sets Kestrel's options, before it listens.</summary>
    public required Action<KestrelServerOptions> Configure { get; init; }

    /// <summary>How long a listener whose channels have ended waits for their connections.</summary>
    public required TimeSpan CloseTimeout { get; init; }
}
