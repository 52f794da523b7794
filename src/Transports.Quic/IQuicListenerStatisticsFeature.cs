namespace Transports;

/// <summary>What a QUIC listener holds and has turned away; the listener of a <c>quic</c> address is one.</summary>
/// <remarks>Each number is exact when read; several need not be of the same moment.</remarks>
public interface IQuicListenerStatisticsFeature
{
    /// <summary>Connections that are open now. At most <see cref="QuicTransportOptions.MaxConnections"/>.</summary>
    int ActiveConnections { get; }

    /// <summary>
    /// Streams that peers have opened and that are no channels yet: they have not said so, or wait to be accepted. At most
    /// <see cref="QuicTransportOptions.MaxInboundChannels"/> on each connection.
    /// </summary>
    int PendingStreamCount { get; }

    /// <summary>Connections closed at once, as there were <see cref="QuicTransportOptions.MaxConnections"/> already.</summary>
    long ConnectionsRefused { get; }

    /// <summary>Handshakes that failed or were not finished within <see cref="QuicTransportOptions.HandshakeTimeout"/>.</summary>
    long HandshakesFailed { get; }

    /// <summary>Streams reset because they did not begin like a channel, said nothing for <see cref="QuicTransportOptions.HandshakeTimeout"/>, or came too late.</summary>
    long StreamsRefused { get; }
}
