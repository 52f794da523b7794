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
}
