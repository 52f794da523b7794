namespace Transports.Udp.Tests;

/// <summary>A wire that loses one packet in ten, and one that is too narrow.</summary>
public sealed class UdpLossTests
{
    private const string Lossy =
        "nft add table inet bad; nft add chain inet bad input \"{ type filter hook input priority 0; }\"; nft add rule inet bad input numgen random mod 10 == 0 counter drop";

    // Without offload the packets in the queue are the datagrams, so that its count of drops is one of datagrams.
    private const string Narrow = "tc qdisc add dev lo root tbf rate 4mbit burst 16kb limit 32kb";

    [Theory(Timeout = 120_000)]
    [InlineData("udp://127.0.0.1:0")]
    [InlineData("udp://127.0.0.1:0?batching=off")]
    public async Task Send_OneInTenPacketsLost_CountsAreExact(string address)
    {
        await NetworkNamespace.RequireAsync();
        var (report, lost) = await NetworkNamespace.ProbeAsync(Lossy, address, 20_000, 100);
        lost.Should().BeGreaterThan(0);
        report.Distinct.Should().BeInRange(1, 20_000);
        report.Sent.Should().BeGreaterThan(20_000);

        // The kernel counts a packet of joined datagrams once when the socket's buffer is full, whatever was in it.
        var counted = report.Received + report.Dropped + lost;
        var uncounted = address.EndsWith("off", StringComparison.Ordinal) ? 0 : 63 * report.DroppedByKernel;
        report.Sent.Should().BeInRange(counted, counted + uncounted);
    }

    [Fact(Timeout = 120_000)]
    public async Task Send_OverANarrowWire_CountsAreExact()
    {
        await NetworkNamespace.RequireAsync();
        var (report, lost) = await NetworkNamespace.ProbeAsync(Narrow, "udp://127.0.0.1:0?batching=off", 20_000, 100);
        lost.Should().BeGreaterThan(0);
        report.Distinct.Should().BeInRange(1, 20_000);
        (report.Received + report.Dropped + lost).Should().Be(report.Sent);
    }

    [Theory(Timeout = 120_000)]
    [InlineData(Lossy, "tcp://127.0.0.1:0")]
    [InlineData(Narrow, "tcp://127.0.0.1:0")]
    [InlineData(Lossy, "quic://127.0.0.1:0")]
    [InlineData(Narrow, "quic://127.0.0.1:0")]
    public async Task Send_OverAReliableTransportOnABadWire_ArrivesInOrderAndWhole(string wire, string address)
    {
        await NetworkNamespace.RequireAsync();
        Requirement.SkipUnless(
            !address.StartsWith("quic", StringComparison.Ordinal) || QuicTransport.IsSupported, "quic", "QUIC needs the native library libmsquic.");
        var (report, _) = await NetworkNamespace.ProbeAsync(wire, address, 5_000, 100);
        report.Distinct.Should().Be(5_000);
        report.InOrder.Should().BeTrue();
    }
}
