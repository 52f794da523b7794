using Compare.Relays;

namespace Transports.Benchmarks;

/// <summary>The way to a listener: direct, or through a relay that delays what it passes on.</summary>
internal sealed class DelayedPath : IAsyncDisposable
{
    private readonly DelayLine? _line;
    private readonly IRelay? _relay;

    private DelayedPath(Uri address, IRelay? relay, DelayLine? line)
    {
        Address = address;
        _relay = relay;
        _line = line;
    }

    /// <summary>Where to connect.</summary>
    public Uri Address { get; }

    /// <summary>Makes the way that a work asks for.</summary>
    /// <param name="work">The work.</param>
    /// <param name="wire">What lies under the transport.</param>
    /// <param name="target">Where the listener is.</param>
    public static DelayedPath Open(Work work, Wire wire, Uri target)
    {
        if (work.DelayMilliseconds == 0)
        {
            return new DelayedPath(target, null, null);
        }

        var line = new DelayLine(TimeSpan.FromMilliseconds(work.DelayMilliseconds));
        IRelay relay = wire switch
        {
            Wire.Tcp => StreamRelay.ForTcp(target, line),
            Wire.Unix => StreamRelay.ForUnix(target, line),
            Wire.Udp => new DatagramRelay(target, line),
            _ => throw new ArgumentOutOfRangeException(nameof(wire), wire, "There is nothing to put a relay into."),
        };
        return new DelayedPath(relay.Address, relay, line);
    }

    /// <summary>What lies under an address.</summary>
    /// <param name="address">A listener's.</param>
    public static Wire WireOf(Uri address) => address.Scheme switch
    {
        "mem" => Wire.Memory,
        "unix" => Wire.Unix,
        "udp" or "quic" => Wire.Udp,
        _ => Wire.Tcp,
    };

    public async ValueTask DisposeAsync()
    {
        if (_relay is not null)
        {
            await _relay.DisposeAsync();
        }

        _line?.Dispose();
    }
}
