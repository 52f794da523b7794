// snippet: quick-start
using Transports;

var transports = new MessageChannelFactory([new TcpTransport()]);

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
