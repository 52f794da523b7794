using Chat;
using Microsoft.Extensions.DependencyInjection;

namespace Transports.Interop.Tests;

/// <summary>The Chat sample's console client, with its server.</summary>
public sealed class ChatClientTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact(Timeout = 60_000)]
    public async Task Clients_OverThreeTransports_AreInOneRoom()
    {
        await using var chat = await ChatHost.StartAsync();
        var expected = new List<string>();

        foreach (var (address, name) in new[] { (chat.Tcp, "tom"), (chat.WebSocket, "wim"), (chat.Sse, "sue") })
        {
            expected.Add($"{name}: hello");
            Said(await RunAsync(address, name, "hello\n")).Should().Equal(expected);
        }
    }

    [Fact(Timeout = 60_000)]
    public async Task Refused_BecauseOfAnImpossibleName_SaysWhy()
    {
        await using var chat = await ChatHost.StartAsync();

        var run = () => RunAsync(chat.Tcp, new string('x', 33), "hello\n");

        (await run.Should().ThrowAsync<ChatRefusedException>()).WithMessage("*1 to 32 characters*");
    }

    private static IEnumerable<string> Said(string output)
        => output.Split(Environment.NewLine).Where(static line => line.Length > 0 && !line.StartsWith("--", StringComparison.Ordinal)).Select(static line => line[6..]);

    private static async Task<string> RunAsync(Uri address, string name, string input)
    {
        var services = new ServiceCollection();
        services.AddTransports().AddTcp().AddWebSockets().AddSse();
        await using var provider = services.BuildServiceProvider();
        var output = new StringWriter();
        await new ChatClient(provider.GetRequiredService<IMessageChannelFactory>(), address, "lobby", name, output).RunAsync(new StringReader(input), Token);
        return output.ToString();
    }
}
