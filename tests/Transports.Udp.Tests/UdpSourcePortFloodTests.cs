using System.Net.Sockets;

namespace Transports.Udp.Tests;

/// <summary>Measures the memory of the whole process, so nothing else may run meanwhile.</summary>
[Collection(nameof(UdpSourcePortFloodTests))]
[CollectionDefinition(nameof(UdpSourcePortFloodTests), DisableParallelization = true)]
public sealed class UdpSourcePortFloodTests : UdpFixture
{
    [Fact(Timeout = HangTimeout)]
    public async Task Listener_TenThousandSourcePorts_StaysBoundedAndServesWhomItKnows()
    {
        const int Flood = 10_000;
        const int MaxPeers = 200;
        const int AcceptBacklog = 400;
        var listener = await ListenAsync(new UdpTransportOptions { MaxPeers = MaxPeers, AcceptBacklog = AcceptBacklog });
        var counted = (IUdpListenerStatisticsFeature)listener;
        var (known, server) = await OpenAsync(listener);
        await known.SendAsync("twice"u8.ToArray(), Token);
        await server.ReceiveAsync(Token);
        var before = GC.GetTotalMemory(forceFullCollection: true);
        for (var i = 1; i <= Flood; i++)
        {
            using var bare = Bare(listener.LocalAddress);
            await bare.SendAsync(new byte[64], SocketFlags.None, Token);

            // At most as many on their way as the smallest socket buffer holds.
            var sent = i;
            await UntilAsync(() => counted.DatagramsReceived + counted.DroppedBacklogFull + counted.DroppedByKernel >= sent - 50);
        }

        await UntilAsync(() => counted.DatagramsReceived + counted.DroppedBacklogFull + counted.DroppedByKernel == Flood + 2);
        counted.ActivePeers.Should().Be(MaxPeers);

        // Each takes the place of one before it, until as many as may wait to be accepted.
        counted.PeersEvicted.Should().Be(1 + AcceptBacklog - MaxPeers);
        counted.DroppedBacklogFull.Should().BeGreaterThan(Flood - AcceptBacklog - 100);
        (GC.GetTotalMemory(forceFullCollection: true) - before).Should().BeLessThan(16 * 1024 * 1024);
        await known.SendAsync("still served"u8.ToArray(), Token);
        (await server.ReceiveAsync(Token))!.Value.GetText().Should().Be("still served");
    }
}
