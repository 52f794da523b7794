using Microsoft.Extensions.DependencyInjection;

namespace Transports.Documentation.Tests;

/// <summary>The code of README.md, as it runs.</summary>
public sealed class ReadmeSnippets
{
    [Fact]
    public async Task QuickStart_AsShown_AnswersInCapitals()
    {
        var output = new StringWriter();
        using var redirected = new ConsoleOutput(output);

        // snippet: quick-start
        var services = new ServiceCollection();
        services.AddTransports().AddTcp();
        await using var provider = services.BuildServiceProvider();
        var transports = provider.GetRequiredService<IMessageChannelFactory>();

        // Answers every message in capitals. Port 0 lets the system choose a free one.
        await using var server = new MessageServer(transports, new Uri("tcp://localhost:0"), async (channel, stoppingToken) =>
        {
            await foreach (var message in channel.ReceiveAllAsync(stoppingToken))
            {
                await channel.SendAsync(message.GetText().ToUpperInvariant(), stoppingToken);
            }
        });
        await server.StartAsync();

        await using var client = await transports.ConnectAsync(server.LocalAddress!);
        await client.SendAsync("hello");
        var answer = await client.ReceiveAsync();
        Console.WriteLine(answer?.GetText()); // HELLO
        // end snippet

        output.ToString().Trim().Should().Be("HELLO");
    }
}
