using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Transports.Hosting.Tests;

/// <summary>A host with nothing but what the test adds.</summary>
internal static class TestHost
{
    public static IHost Build(Action<IServiceCollection> configure, params (string Key, string Value)[] settings)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        builder.Configuration.AddInMemoryCollection(settings.Select(setting => new KeyValuePair<string, string?>(setting.Key, setting.Value)));
        configure(builder.Services);
        return builder.Build();
    }

    public static async Task EchoAsync(IMessageChannel channel, CancellationToken stoppingToken)
    {
        while (await channel.ReceiveAsync(stoppingToken) is { } message)
        {
            await channel.SendAsync(message, stoppingToken);
        }
    }

    public static Task<IMessageChannel> ConnectAsync(this IHost host, string address)
        => host.Services.GetRequiredService<IMessageChannelFactory>().ConnectAsync(new Uri(address), TestContext.Current.CancellationToken).AsTask();

    public static async Task<string> EchoAsync(this IMessageChannel channel, string text)
    {
        await channel.SendAsync(Message.FromText(text), TestContext.Current.CancellationToken);
        return (await channel.ReceiveAsync(TestContext.Current.CancellationToken))!.Value.GetText();
    }
}
