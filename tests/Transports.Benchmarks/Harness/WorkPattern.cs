namespace Transports.Benchmarks;

/// <summary>The shape of the traffic.</summary>
internal enum WorkPattern
{
    /// <summary>One message there and back, then the next. The rate counts round trips.</summary>
    PingPong,

    /// <summary>An echo with up to <see cref="Work.Window"/> messages on their way. The rate counts echoes that came back.</summary>
    Pipelined,

    /// <summary>One way, as fast as it goes. The rate counts messages received.</summary>
    Flood,

    /// <summary>One message one way, the next when it has arrived. What is shown is the time one takes.</summary>
    Lone,

    /// <summary>Connections: opened, accepted, a first byte from the server, reset by the client. The rate counts connections.</summary>
    Connecting,
}
