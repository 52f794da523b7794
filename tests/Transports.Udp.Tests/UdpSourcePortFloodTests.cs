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
        var listener = await ListenAsync(new UdpTransportOptions { MaxPeers = MaxPeers, AcceptBacklog = 1000 });
        var counted = (IUdpListenerStatistics)listener;
        var (known, server) = await OpenAsync(listener);
        var before = GC.GetTotalMemory(forceFullCollection: true);
        for (var i = 1; i <= Flood; i++)
        {
            using var bare = Bare(listener.LocalAddress);
            await bare.SendAsync(new byte[64], SocketFlags.None, Token);

            // At most as many on their way as the smallest socket buffer holds.
            var sent = i;
            await UntilAsync(() => counted.DatagramsReceived + counted.DroppedMaxPeers + counted.DroppedByKernel >= sent - 50);
        }

        await UntilAsync(() => counted.DatagramsReceived + counted.DroppedMaxPeers + counted.DroppedByKernel == Flood + 1);
        counted.Peers.Should().Be(MaxPeers);
        counted.DroppedMaxPeers.Should().BeGreaterThan(Flood - MaxPeers - 100);
        (GC.GetTotalMemory(forceFullCollection: true) - before).Should().BeLessThan(16 * 1024 * 1024);
        await known.SendAsync("still served"u8.ToArray(), Token);
        (await server.ReceiveAsync(Token))!.Value.GetText().Should().Be("still served");
    }
}
