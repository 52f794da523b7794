using Microsoft.Extensions.DependencyInjection;

namespace Transports.Quic.Tests;

public sealed class QuicRegistrationTests
{
    [Fact]
    public void AddQuic_Twice_RegistersOnce()
    {
        var services = new ServiceCollection();
        services.AddTransports().AddQuic(options => options.MaxInboundChannels = 5).AddQuic();
        using var provider = services.BuildServiceProvider();
        provider.GetServices<ITransport>().OfType<QuicTransport>().Should().ContainSingle();
    }

    [Fact]
    public async Task Connect_WithoutTheNativeLibrary_SaysHowToGetIt()
    {
        Assert.SkipWhen(QuicTransport.IsSupported, "This machine has libmsquic.");
        var token = TestContext.Current.CancellationToken;
        var transport = new QuicTransport();
        await transport.Invoking(one => one.ConnectAsync(new Uri("quic://localhost:1"), token).AsTask())
            .Should().ThrowAsync<TransportUnavailableException>().WithMessage("*libmsquic (2.5 or later)*install libmsquic*");
        await transport.Invoking(one => one.ListenAsync(new Uri("quic://localhost:0"), token).AsTask())
            .Should().ThrowAsync<TransportUnavailableException>().WithMessage("*libmsquic (2.5 or later)*install libmsquic*");
    }

    [Theory]
    [InlineData("quic://localhost")]
    [InlineData("quic://localhost:0")]
    [InlineData("udp://localhost:1")]
    public void Connect_AddressThatCannotBeConnected_SaysWhatToWrite(string address)
    {
        var attempt = () => { _ = new QuicTransport().ConnectAsync(new Uri(address), TestContext.Current.CancellationToken); };
        attempt.Should().Throw<ArgumentException>().WithMessage("*rite *");
    }
}
