using Microsoft.Extensions.DependencyInjection;

namespace Transports.Udp.Tests;

public sealed class UdpRegistrationTests
{
    [Fact]
    public async Task AddUdp_TwiceWithOptions_OpensUdpAddressesWithThem()
    {
        var token = TestContext.Current.CancellationToken;
        var services = new ServiceCollection();
        services.AddTransports().AddUdp(options => options.MaxMessageSize = 500).AddUdp();
        await using var provider = services.BuildServiceProvider();
        provider.GetServices<ITransport>().OfType<UdpTransport>().Should().ContainSingle();
        var factory = provider.GetRequiredService<IMessageChannelFactory>();
        await using var listener = await factory.ListenAsync(new Uri("udp://localhost:0"), token);
        await using var channel = await factory.ConnectAsync(listener.LocalAddress, token);
        channel.Characteristics.MaxMessageSize.Should().Be(500);
    }
}
