using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;

namespace Transports.Hosting.Tests;

public sealed class HealthCheckTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task AddMessageServer_ThroughItsLife_ReportsWhatItIs()
    {
        using var host = TestHost.Build(
            services =>
            {
                services.AddLogging();
                services.AddMessageServer("echo", "mem://echo", TestHost.EchoAsync);
                services.AddHealthChecks().AddMessageServer("echo");
            },
            ("Transports:Servers:echo:MaxChannels", "1"));
        (await CheckAsync(host)).Status.Should().Be(HealthStatus.Unhealthy);

        await host.StartAsync(Token);
        (await CheckAsync(host)).Status.Should().Be(HealthStatus.Healthy);

        await using var client = await host.ConnectAsync("mem://echo");
        await client.EchoAsync("hello");
        var full = await CheckAsync(host);
        full.Status.Should().Be(HealthStatus.Degraded);
        full.Entries["echo"].Data["channels"].Should().Be(1);

        await host.StopAsync(Token);
        (await CheckAsync(host)).Status.Should().Be(HealthStatus.Unhealthy);
    }

    [Fact]
    public async Task AddMessageChannelClient_PeerComesUp_TurnsHealthy()
    {
        using var host = TestHost.Build(services =>
        {
            services.AddLogging();
            services.AddMessageServer("server", "mem://echo", TestHost.EchoAsync);
            services.AddMessageChannelClient("client", "mem://echo");
            services.AddHealthChecks().AddMessageChannelClient("client", HealthStatus.Degraded);
        });
        var down = await CheckAsync(host);
        down.Status.Should().Be(HealthStatus.Degraded);
        down.Entries["client"].Description.Should().Contain("Nobody listens");

        await host.StartAsync(Token);

        (await CheckAsync(host)).Status.Should().Be(HealthStatus.Healthy);
    }

    [Fact]
    public async Task AddMessageServer_NoSuchServer_NamesTheCall()
    {
        using var host = TestHost.Build(services => services.AddLogging().AddHealthChecks().AddMessageServer("echo"));

        (await host.Invoking(h => CheckAsync(h)).Should().ThrowAsync<InvalidOperationException>()).WithMessage("*AddMessageServer*");
    }

    private static Task<HealthReport> CheckAsync(IHost host)
        => host.Services.GetRequiredService<HealthCheckService>().CheckHealthAsync(Token);
}
