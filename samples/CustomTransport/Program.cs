// Two transports of one's own, over the public API alone: "loop" of bytes, "packet" of messages. docs/writing-a-transport.md walks through them.
// Sends a few messages through both, beginning to end, and exits with 0 when all arrived.
using Microsoft.Extensions.DependencyInjection;
using Transports;

if (!args.Contains("--self-test"))
{
    Console.WriteLine("Run with --self-test: sends a few messages over loop:// and packet:// and says what arrived.");
    return 2;
}

await using var provider = new ServiceCollection().AddTransports().AddLoop().AddPackets().Services.BuildServiceProvider();
var transports = provider.GetRequiredService<IMessageChannelFactory>();
var directory = Directory.CreateTempSubdirectory("transports-");
try
{
    return await SelfTestAsync(new Uri("loop://localhost:0")) && await SelfTestAsync(new Uri($"packet://{directory.FullName}/sample.sock")) ? 0 : 1;
}
finally
{
    directory.Delete(recursive: true);
}

async Task<bool> SelfTestAsync(Uri address)
{
    try
    {
        // Answers every message in capitals.
        await using var server = new MessageServer(transports, address, static async (channel, stoppingToken) =>
        {
            await foreach (var message in channel.ReceiveAllAsync(stoppingToken))
            {
                await channel.SendAsync(message.GetText().ToUpperInvariant(), stoppingToken);
            }
        });
        await server.StartAsync();
        await using var client = await transports.ConnectAsync(server.LocalAddress!);
        string[] words = ["one", "two", "", "three"];
        foreach (var word in words)
        {
            await client.SendAsync(word);
        }

        await client.CompleteSendingAsync();
        var answers = new List<string>();
        while (await client.ReceiveAsync() is { } answer)
        {
            answers.Add(answer.GetText());
        }

        Console.WriteLine($"{address.Scheme}: {string.Join(", ", answers.Select(static answer => $"'{answer}'"))}");
        return answers.SequenceEqual(words.Select(static word => word.ToUpperInvariant()));
    }
    catch (TransportUnavailableException e)
    {
        // Not this machine's; that is no failure of the sample's.
        Console.WriteLine($"{address.Scheme}: skipped. {e.Message}");
        return true;
    }
}
