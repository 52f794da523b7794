namespace Transports.Udp.Tests;

/// <summary>A wire that loses one packet in ten, and one that is too narrow.</summary>
public sealed class UdpLossTests
{
    private const string Lossy =
        "nft add table inet bad; nft add chain inet bad input \"{ type filter hook input priority 0; }\"; nft add rule inet bad input numgen random mod 10 == 0 counter drop";

    private const string Narrow = "tc qdisc add dev lo root tbf rate 4mbit burst 16kb limit 32kb";

    [Theory(Timeout = 120_000)]
    [InlineData(Lossy, "udp://127.0.0.1:0?paced=on")]
    [InlineData(Lossy, "udp://127.0.0.1:0?batching=off")]
    [InlineData(Lossy, "udp://127.0.0.1:0?offload=off")]
    [InlineData(Narrow, "udp://127.0.0.1:0")]
    [InlineData(Narrow, "udp://127.0.0.1:0?batching=off")]
    [InlineData(Narrow, "udp://127.0.0.1:0?offload=off")]
    public async Task Send_OverABadWire_CountsAreExact(string wire, string address)
    {
        await NetworkNamespace.RequireAsync();
        var (report, lost) = await NetworkNamespace.ProbeAsync(wire, address, 20_000, 100);
        lost.Should().BeGreaterThan(0);
        report.Distinct.Should().BeInRange(1, 20_000);
        report.Sent.Should().BeGreaterThan(20_000);
        (report.Received + report.Dropped + lost).Should().Be(report.Sent);
        if (!address.Contains("off", StringComparison.Ordinal))
        {
            report.DroppedByKernel.Should().Be(0, "the receiver keeps up, so that even joined datagrams are counted");
        }
    }

    [Fact(Timeout = 120_000)]
    public async Task Send_FasterThanTheReceiverWithOffload_OnlyTheKernelsCountIsALowerBound()
    {
        await NetworkNamespace.RequireAsync();
        var (report, lost) = await NetworkNamespace.ProbeAsync(Lossy, "udp://127.0.0.1:0", 20_000, 100);
        lost.Should().BeGreaterThan(0);

        // The kernel counts a packet of joined datagrams once when the socket's buffer is full, whatever was in it: 64 at most.
        var counted = report.Received + report.Dropped + lost;
        report.Sent.Should().BeInRange(counted, counted + (63 * report.DroppedByKernel));
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
