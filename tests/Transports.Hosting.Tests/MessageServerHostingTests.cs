using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Transports.Hosting.Tests;

public sealed class MessageServerHostingTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task AddMessageServer_AddressAndDelegate_ServesWhileTheHostRuns()
    {
        using var host = TestHost.Build(services => services.AddMessageServer("echo", "mem://echo", TestHost.EchoAsync));
        await host.StartAsync(Token);
        var server = host.Services.GetRequiredKeyedService<HostedMessageServer>("echo");
        await using var client = await host.ConnectAsync("mem://echo");

        (await client.EchoAsync("hello")).Should().Be("hello");
        server.LocalAddress.Should().Be(new Uri("mem://echo"));
        server.ChannelCount.Should().Be(1);
        await host.StopAsync(Token);

        (await client.Closed.WaitAsync(Token)).Status.Should().Be(ChannelCloseStatus.GoingAway);
        server.IsAccepting.Should().BeFalse();
    }

    [Fact]
    public async Task AddMessageServer_Configuration_OverridesCode()
    {
        using var host = TestHost.Build(
            services => services.AddMessageServer("echo", "mem://code", TestHost.EchoAsync),
            ("Transports:Servers:echo:Address", "mem://settings"),
            ("Transports:Servers:echo:MaxChannels", "7"),
            ("Transports:Servers:echo:ShutdownTimeout", "00:00:03"));
        await host.StartAsync(Token);

        await using var client = await host.ConnectAsync("mem://settings");

        (await client.EchoAsync("hello")).Should().Be("hello");
        host.Services.GetRequiredKeyedService<HostedMessageServer>("echo").MaxChannels.Should().Be(7);
        host.Services.GetRequiredService<IOptionsMonitor<HostedMessageServerOptions>>().Get("echo").Server.ShutdownTimeout.Should().Be(TimeSpan.FromSeconds(3));
    }

    [Fact]
    public void AddMessageServer_Configuration_SetsEveryLimitOfTheServer()
    {
        var limits = typeof(MessageServerOptions).GetProperties().Where(static property => property.PropertyType != typeof(TimeProvider) && property.PropertyType != typeof(ConnectionGuard)).ToList();
        using var host = TestHost.Build(
            static services => services.AddMessageServer("echo", "mem://echo", TestHost.EchoAsync),
            [.. limits.Select(static limit => ($"Transports:Servers:echo:{limit.Name}", limit.PropertyType == typeof(TimeSpan) ? "00:00:07" : "7"))]);

        var server = host.Services.GetRequiredService<IOptionsMonitor<HostedMessageServerOptions>>().Get("echo").Server;

        limits.Should().OnlyContain(limit => limit.GetValue(server)!.Equals(limit.PropertyType == typeof(TimeSpan) ? TimeSpan.FromSeconds(7) : 7));
    }

    [Fact]
    public void AddMessageServer_ClockOfTheContainer_IsTheServers()
    {
        var clock = new Clock();
        using var host = TestHost.Build(services =>
        {
            services.AddSingleton<TimeProvider>(clock);
            services.AddMessageServer("echo", "mem://echo", TestHost.EchoAsync);
        });

        host.Services.GetRequiredService<IOptionsMonitor<HostedMessageServerOptions>>().Get("echo").Server.TimeProvider.Should().BeSameAs(clock);
    }

    [Fact]
    public async Task AddMessageServer_GuardConfigured_RefusesWhatIsTooMuch()
    {
        using var host = TestHost.Build(
            services => services.AddMessageServer("echo", "mem://guarded", TestHost.EchoAsync),
            ("Transports:Servers:echo:Guard:MaxChannels", "1"),
            ("Transports:Servers:echo:Guard:IdleTimeout", "00:01:00"));
        await host.StartAsync(Token);
        await using var first = await host.ConnectAsync("mem://guarded");
        (await first.EchoAsync("hello")).Should().Be("hello");

        await using var second = await host.ConnectAsync("mem://guarded");

        (await second.Closed.WaitAsync(Token)).Status.Should().Be(ChannelCloseStatus.PolicyViolation);
        host.Services.GetRequiredService<IOptionsMonitor<HostedMessageServerOptions>>().Get("echo").Guard!.IdleTimeout.Should().Be(TimeSpan.FromMinutes(1));
    }

    [Fact]
    public async Task AddMessageServer_GuardOutOfRange_NamesTheKeyAtStart()
    {
        using var host = TestHost.Build(
            services => services.AddMessageServer("echo", "mem://guarded-badly", TestHost.EchoAsync),
            ("Transports:Servers:echo:Guard:MaxChannelsPerAddress", "0"));

        (await host.Awaiting(h => h.StartAsync(Token)).Should().ThrowAsync<OptionsValidationException>())
            .Which.Message.Should().Contain("Transports:Servers:echo:Guard:MaxChannelsPerAddress");
    }

    [Fact]
    public async Task AddMessageServer_Builder_HasTheLastWord()
    {
        using var host = TestHost.Build(
            services => services.AddMessageServer("echo", "mem://code", TestHost.EchoAsync).PostConfigure(options => options.Server.MaxChannels = 3),
            ("Transports:Servers:echo:MaxChannels", "7"));
        await host.StartAsync(Token);

        host.Services.GetRequiredKeyedService<HostedMessageServer>("echo").MaxChannels.Should().Be(3);
    }

    [Fact]
    public async Task AddMessageServer_HandlerClass_IsMadeInAScopePerChannel()
    {
        using var host = TestHost.Build(services =>
        {
            services.AddScoped<Scoped>();
            services.AddMessageServer<CountingHandler>("count", "mem://count");
        });
        await host.StartAsync(Token);
        await using var first = await host.ConnectAsync("mem://count");
        await using var second = await host.ConnectAsync("mem://count");

        var a = (await first.ReceiveAsync(Token))!.Value.GetText();
        var b = (await second.ReceiveAsync(Token))!.Value.GetText();

        a.Should().NotBe(b);
        (await first.ReceiveAsync(Token)).Should().BeNull();
    }

    [Fact]
    public async Task AddMessageServer_TwoNames_BothServe()
    {
        using var host = TestHost.Build(services =>
        {
            services.AddMessageServer("a", "mem://a", TestHost.EchoAsync);
            services.AddMessageServer("b", "mem://b", TestHost.EchoAsync);
        });
        await host.StartAsync(Token);
        await using var a = await host.ConnectAsync("mem://a");
        await using var b = await host.ConnectAsync("mem://b");

        (await a.EchoAsync("1")).Should().Be("1");
        (await b.EchoAsync("2")).Should().Be("2");
    }

    [Fact]
    public void AddMessageServer_SameNameTwice_IsRefused()
    {
        var services = new ServiceCollection();
        services.AddMessageServer("a", "mem://a", TestHost.EchoAsync);

        services.Invoking(s => s.AddMessageServer("a", "mem://b", TestHost.EchoAsync))
            .Should().Throw<InvalidOperationException>().WithMessage("*'a'*");
    }

    [Theory]
    [InlineData("MaxChannels", "0", "*Transports:Servers:echo:MaxChannels*from 1 to*")]
    [InlineData("Address", "localhost", "*Transports:Servers:echo:Address*no scheme*")]
    [InlineData("ShutdownTimeout", "00:00:00", "*Transports:Servers:echo:ShutdownTimeout*")]
    [InlineData("MaxAcceptRetryDelay", "00:00:00.001", "*Transports:Servers:echo:MaxAcceptRetryDelay*AcceptRetryDelay*")]
    public async Task StartAsync_BadValue_IsRefusedByItsKey(string key, string value, string message)
    {
        using var host = TestHost.Build(
            services => services.AddMessageServer("echo", "mem://echo", TestHost.EchoAsync),
            ($"Transports:Servers:echo:{key}", value));

        (await host.Invoking(h => h.StartAsync(Token)).Should().ThrowAsync<OptionsValidationException>()).WithMessage(message);
    }

    [Fact]
    public async Task StartAsync_ValueOfAnotherType_IsRefusedByItsKey()
    {
        using var host = TestHost.Build(
            services => services.AddMessageServer("echo", "mem://echo", TestHost.EchoAsync),
            ("Transports:Servers:echo:MaxChannels", "many"));

        (await host.Invoking(h => h.StartAsync(Token)).Should().ThrowAsync<InvalidOperationException>()).WithMessage("*Transports:Servers:echo:MaxChannels*");
    }

    [Fact]
    public async Task StartAsync_NoAddress_NamesTheKey()
    {
        using var host = TestHost.Build(services => services.AddMessageServer("echo", configure: null, TestHost.EchoAsync));

        (await host.Invoking(h => h.StartAsync(Token)).Should().ThrowAsync<OptionsValidationException>())
            .WithMessage("*Transports:Servers:echo:Address is missing*");
    }

    [Fact]
    public async Task StartAsync_SchemeNotRegistered_NamesTheCall()
    {
        using var host = TestHost.Build(services => services.AddMessageServer("echo", "tcp://localhost:0", TestHost.EchoAsync));

        (await host.Invoking(h => h.StartAsync(Token)).Should().ThrowAsync<NotSupportedException>()).WithMessage("*AddTcp()*");
    }

    [Fact]
    public async Task StartAsync_OneServerIsBad_NoneListens()
    {
        using var host = TestHost.Build(services =>
        {
            services.AddMessageServer("good", "mem://good", TestHost.EchoAsync);
            services.AddMessageServer("bad", configure: null, TestHost.EchoAsync);
        });

        await host.Invoking(h => h.StartAsync(Token)).Should().ThrowAsync<OptionsValidationException>();

        await host.Invoking(h => h.ConnectAsync("mem://good")).Should().ThrowAsync<TransportException>();
    }

    private sealed class Clock : TimeProvider;

    private sealed class Scoped
    {
        public string Id { get; } = Guid.NewGuid().ToString("N");
    }

    private sealed class CountingHandler(Scoped scoped) : IMessageChannelHandler
    {
        public Task HandleAsync(IMessageChannel channel, CancellationToken stoppingToken)
            => channel.SendAsync(Message.FromText(scoped.Id), stoppingToken).AsTask();
    }
}
