using Microsoft.Extensions.Logging;

namespace Transports.Tests.Behaviors;

public sealed class LoggingTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task WithLogging_Trace_LogsSizesButNoPayload()
    {
        var logger = new ListLogger();
        await using var pair = await MemoryPair.OpenAsync();
        await using var client = pair.Client.WithLogging(logger);
        await client.SendAsync("secret"u8.ToArray(), Token);
        await client.SendAsync(new Message[] { new byte[1], new byte[2] }.AsMemory(), Token);
        await pair.Server.SendAsync("secret"u8.ToArray(), Token);
        await client.ReceiveAsync(Token);
        await client.CloseAsync(ChannelCloseStatus.GoingAway, "bye", Token);

        (await logger.WhenLoggedAsync(1201, Token)).Text.Should().Contain("GoingAway by this side").And.Contain("bye");
        logger.Lines.Select(line => line.Id).Should().Equal(1200, 1202, 1202, 1202, 1203, 1201);
        logger.Lines.Should().NotContain(line => line.Text.Contains("secret") || line.Text.Contains("736563726574"));
    }

    [Fact]
    public async Task WithLogging_PayloadBytes_LogsThatMuch()
    {
        var logger = new ListLogger();
        await using var pair = await MemoryPair.OpenAsync();
        await using var client = pair.Client.WithLogging(logger, maxLoggedPayloadBytes: 2);

        await client.SendAsync(new byte[] { 0xAB, 0xCD, 0xEF }, Token);

        logger.Lines.Should().ContainSingle(line => line.Id == 1204).Which.Text.Should().EndWith("sent ABCD...");
    }

    [Fact]
    public async Task WithLogging_Debug_LogsOnlyOpeningAndEnd()
    {
        var logger = new ListLogger(LogLevel.Debug);
        await using var pair = await MemoryPair.OpenAsync();
        await using var client = pair.Client.WithLogging(logger, maxLoggedPayloadBytes: 100);
        await client.SendAsync(new byte[1], Token);
        await pair.Server.CloseAsync(cancellationToken: Token);
        (await client.ReceiveAsync(Token)).Should().BeNull();

        await logger.WhenLoggedAsync(1201, Token);
        logger.Lines.Select(line => line.Id).Should().Equal(1200, 1201);
    }
}
