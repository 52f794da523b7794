namespace Transports.Benchmarks;

/// <summary>What is done with a connection. The same works, under the same names, are measured on every transport.</summary>
/// <param name="Name">The part after the slash in a workload's name.</param>
/// <param name="Pattern">The shape of the traffic.</param>
/// <param name="PayloadSize">The size of each message in bytes.</param>
/// <param name="Connections">How many connections work side by side.</param>
/// <param name="Senders">How many callers send on one connection at once.</param>
/// <param name="BatchSize">Messages a send; with more than one the receiver also drains with TryReceive.</param>
/// <param name="DelayMilliseconds">With more than 0, the connections go through a relay that delays what it passes on so long, each way.</param>
/// <param name="Grain">Message counts are multiples of this: by default 64 connections with batches of 64, or 8 senders.</param>
internal sealed record Work(string Name, WorkPattern Pattern, int PayloadSize, int Connections = 1, int Senders = 1, int BatchSize = 1, int DelayMilliseconds = 0, int Grain = 64 * 64)
{
    /// <summary>How many messages of a pipelined echo are on their way at most.</summary>
    public const int Window = 1000;

    /// <summary>A message under way alone, over a path with a delay: whether it is on its way at once.</summary>
    public static Work Lone { get; } = new("lone-20ms", WorkPattern.Lone, 64, DelayMilliseconds: 20, Grain: 1);

    /// <summary>Connections that come and go, from callers side by side.</summary>
    public static Work Accepts { get; } = new("accepts", WorkPattern.Connecting, 1, Senders: 8, Grain: 8);

    /// <summary>The same, each with a full handshake.</summary>
    public static Work Handshakes { get; } = Accepts with { Name = "handshakes" };

    /// <summary>What each of its rates counts.</summary>
    public string Unit => Pattern switch
    {
        WorkPattern.Connecting => "connections/s",
        WorkPattern.Lone => "ms",
        _ => "messages/s",
    };

    /// <summary>The unit is a time, so less is better.</summary>
    public bool IsTime => Pattern == WorkPattern.Lone;

    /// <summary>The works of every transport on which they make sense, in the order in which they are shown.</summary>
    public static IReadOnlyList<Work> All { get; } =
    [
        new("ping-pong", WorkPattern.PingPong, 64),
        new("ping-pong-64ch", WorkPattern.PingPong, 64, Connections: 64),
        new("pipelined", WorkPattern.Pipelined, 64),
        new("pipelined-batch", WorkPattern.Pipelined, 64, BatchSize: 64),
        new("flood-64", WorkPattern.Flood, 64),
        new("flood-64-batch", WorkPattern.Flood, 64, BatchSize: 64),
        new("flood-1k", WorkPattern.Flood, 1024),
        new("flood-64k", WorkPattern.Flood, 64 * 1024),
        new("senders-8", WorkPattern.Flood, 64, Senders: 8),
    ];
}
