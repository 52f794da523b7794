using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Transports.Hosting.Tests;

public sealed class MessageChannelClientTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task ConnectAsync_NamedClient_OpensAChannelEachTime()
    {
        using var host = TestHost.Build(
            services =>
            {
                services.AddMessageServer("echo", "mem://echo", TestHost.EchoAsync);
                services.AddMessageChannelClient("peer", "mem://elsewhere");
            },
            ("Transports:Clients:peer:Address", "mem://echo"));
        await host.StartAsync(Token);
        var client = host.Services.GetRequiredKeyedService<IMessageChannelClient>("peer");

        await using var first = await client.ConnectAsync(Token);
        await using var second = await host.Services.GetRequiredKeyedService<IMessageChannelClient>("peer").ConnectAsync(Token);

        client.Address.Should().Be(new Uri("mem://echo"));
        first.Should().NotBeSameAs(second);
        (await first.EchoAsync("1")).Should().Be("1");
        (await second.EchoAsync("2")).Should().Be("2");
    }

    [Fact]
    public async Task StartAsync_NobodyListens_StartsAllTheSame()
    {
        using var host = TestHost.Build(services => services.AddMessageChannelClient("peer", "mem://nobody"));
        await host.StartAsync(Token);

        var client = host.Services.GetRequiredKeyedService<IMessageChannelClient>("peer");

        await client.Invoking(async c => await c.ConnectAsync(Token)).Should().ThrowAsync<TransportException>();
    }

    [Fact]
    public async Task ConnectAsync_PeerDoesNotAnswer_GivesUpAfterConnectTimeout()
    {
        using var host = TestHost.Build(
            services =>
            {
                services.AddTransports().AddTransport<SilentTransport>();
                services.AddMessageChannelClient("peer", "silent://peer");
            },
            ("Transports:Clients:peer:ConnectTimeout", "00:00:00.020"));
        await host.StartAsync(Token);
        var client = host.Services.GetRequiredKeyedService<IMessageChannelClient>("peer");

        (await client.Invoking(async c => await c.ConnectAsync(Token)).Should().ThrowAsync<TransportException>())
            .WithMessage("*'peer'*Transports:Clients:peer:ConnectTimeout*");
    }

    [Fact]
    public async Task ConnectAsync_Cancelled_SaysSo()
    {
        using var host = TestHost.Build(services =>
        {
            services.AddTransports().AddTransport<SilentTransport>();
            services.AddMessageChannelClient("peer", "silent://peer");
        });
        var client = host.Services.GetRequiredKeyedService<IMessageChannelClient>("peer");
        using var cancel = new CancellationTokenSource();
        var connecting = client.ConnectAsync(cancel.Token).AsTask();

        await cancel.CancelAsync();

        (await connecting.Invoking(task => task).Should().ThrowAsync<OperationCanceledException>()).Which.CancellationToken.Should().Be(cancel.Token);
    }

    [Theory]
    [InlineData("Address", "nowhere", "*Transports:Clients:peer:Address*")]
    [InlineData("ConnectTimeout", "-00:00:01", "*Transports:Clients:peer:ConnectTimeout*")]
    public async Task StartAsync_BadValue_IsRefusedByItsKey(string key, string value, string message)
    {
        using var host = TestHost.Build(
            services => services.AddMessageChannelClient("peer", "mem://peer"),
            ($"Transports:Clients:peer:{key}", value));

        (await host.Invoking(h => h.StartAsync(Token)).Should().ThrowAsync<OptionsValidationException>()).WithMessage(message);
    }

    [Fact]
    public void AddMessageChannelClient_SameNameTwice_IsRefused()
    {
        var services = new ServiceCollection();
        services.AddMessageChannelClient("a", "mem://a");

        services.Invoking(s => s.AddMessageChannelClient("a", "mem://b")).Should().Throw<InvalidOperationException>();
    }

    public sealed class SilentTransport : IClientTransport
    {
        public IReadOnlyList<string> Schemes { get; } = ["silent"];

        public ChannelCharacteristics GetCharacteristics(string scheme) => new();

        public async ValueTask<IMessageChannel> ConnectAsync(Uri address, CancellationToken cancellationToken = default)
        {
            await Task.Delay(Timeout.Infinite, cancellationToken);
            throw new InvalidOperationException();
        }
    }
}
