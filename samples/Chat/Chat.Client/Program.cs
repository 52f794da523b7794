using System.CommandLine;
using Chat;
using Microsoft.Extensions.DependencyInjection;
using Transports;

const int Cancelled = 130;

var address = new Argument<Uri>("address")
{
    Description = "Where the chat is: tcp://localhost:5001, ws://localhost:5000/chat or sse+http://localhost:5000/chat?duplex.",
    CustomParser = result =>
    {
        if (Uri.TryCreate(result.Tokens[0].Value, UriKind.Absolute, out var uri))
        {
            return uri;
        }

        result.AddError($"'{result.Tokens[0].Value}' is no address. Write one such as tcp://localhost:5001.");
        return null;
    },
};
var room = new Option<string>("--room") { Description = "The room to join.", DefaultValueFactory = _ => "lobby" };
var name = new Option<string>("--name") { Description = "The name to go by.", DefaultValueFactory = _ => Environment.UserName };
var command = new RootCommand("Joins a chat room over any transport. Each line of input is said in the room; /ping measures the way there and back.") { address, room, name };
command.SetAction(async (parsed, cancellationToken) =>
{
    var services = new ServiceCollection();
    services.AddTransports().AddTcp().AddWebSockets().AddSse();
    await using var provider = services.BuildServiceProvider();
    var client = new ChatClient(
        provider.GetRequiredService<IMessageChannelFactory>(),
        parsed.GetValue(address)!,
        parsed.GetValue(room)!,
        parsed.GetValue(name)!,
        Console.Out);
    try
    {
        await client.RunAsync(Console.In, cancellationToken);
        return 0;
    }
    catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
    {
        return Cancelled;
    }
    catch (Exception e) when (e is ChatRefusedException or ArgumentException or NotSupportedException)
    {
        await Console.Error.WriteLineAsync(e.Message);
        return 1;
    }
});
return await command.Parse(args).InvokeAsync();
