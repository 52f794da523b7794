namespace Transports.Model.Tests;

/// <summary>
/// Two connected byte connections between which nothing moves by itself: each write that is taken, each piece that is delivered, each read
/// that completes is an event that the test picks.
/// </summary>
/// <remarks>
/// Behaves as TCP does where the contract depends on it: bytes that have arrived can be read after a reset; a reset fails either the next
/// write or, behind those bytes, the next read, and not both; a connection that was closed answers bytes with a reset.
/// </remarks>
internal sealed class ScriptedLink
{
    private readonly Random _random;

    public ScriptedLink(int seed, Func<long> now)
    {
        _random = new Random(seed);
        Capacity = 1 << _random.Next(8, 14);
        Now = now;
        var zeroByteReads = _random.Next(2) == 0;
        Client = new ScriptedConnection(this, zeroByteReads);
        Server = new ScriptedConnection(this, zeroByteReads);
        (Client.Peer, Server.Peer) = (Server, Client);
    }

    public Lock Gate { get; } = new();

    public ScriptedConnection Client { get; }

    public ScriptedConnection Server { get; }

    /// <summary>How many bytes lie on the way in one direction, and arrived and unread at its end, at most.</summary>
    public int Capacity { get; }

    public Func<long> Now { get; }

    /// <summary>A number from 1 to the most, mostly small or all.</summary>
    public int Some(int most) => most <= 1 || _random.Next(3) == 0 ? most : _random.Next(1, most + 1);

    public bool Perhaps(int oneIn) => _random.Next(oneIn) == 0;

    public void AddEvents(List<Action> events)
    {
        lock (Gate)
        {
            Client.AddEvents(events);
            Server.AddEvents(events);
        }
    }
}
