namespace Transports.Interop.Tests;

/// <summary>Sends back what comes, and closes as it is told to by a text such as <c>close PolicyViolation</c>.</summary>
internal static class Echo
{
    public static async Task HandleAsync(IMessageChannel channel, CancellationToken stoppingToken)
    {
        await foreach (var message in channel.ReceiveAllAsync(stoppingToken))
        {
            if (message.Kind == MessageKind.Text && message.GetText().Split(' ') is ["close", var status])
            {
                await channel.CloseAsync(Enum.Parse<ChannelCloseStatus>(status), "as you wish – ✓", stoppingToken);
                return;
            }

            await channel.SendAsync(message, stoppingToken);
        }
    }
}
