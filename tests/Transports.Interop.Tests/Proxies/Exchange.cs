namespace Transports.Interop.Tests;

/// <summary>What a proxy must not change.</summary>
internal static class Exchange
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>Each message is received before the next is sent, so none may be held back; then many, and a large one; then an end in order.</summary>
    /// <param name="channel">A channel to an <see cref="Echo"/> server.</param>
    /// <param name="serverEnds">The server closes, and says why where that is carried; otherwise this side.</param>
    public static async Task AssertWholeAsync(IMessageChannel channel, bool serverEnds = true)
    {
        for (var i = 0; i < 10; i++)
        {
            await channel.SendAsync($"message {i}", Token);
            (await channel.ReceiveAsync(Token))!.Value.GetText().Should().Be($"message {i}");
        }

        var large = new byte[500_000];
        new Random(1).NextBytes(large);
        var sending = Task.Run(
            async () =>
            {
                for (var i = 0; i < 500; i++)
                {
                    await channel.SendAsync($"one of many {i}", Token);
                }

                await channel.SendAsync(large, Token);
            },
            Token);
        for (var i = 0; i < 500; i++)
        {
            (await channel.ReceiveAsync(Token))!.Value.GetText().Should().Be($"one of many {i}");
        }

        (await channel.ReceiveAsync(Token))!.Value.ToArray().Should().Equal(large);
        await sending;

        if (!serverEnds || !channel.Characteristics.PreservesMessageKind)
        {
            // The server takes no order that is not a text.
            await channel.CompleteSendingAsync(Token);
            (await channel.ReceiveAsync(Token)).Should().BeNull();
            (await channel.Closed.WaitAsync(Token)).Status.Should().Be(ChannelCloseStatus.Normal);
            return;
        }

        await channel.SendAsync("close GoingAway", Token);
        (await channel.ReceiveAsync(Token)).Should().BeNull();
        if (channel.Characteristics.CarriesCloseStatus)
        {
            (await channel.Closed.WaitAsync(Token)).Status.Should().Be(ChannelCloseStatus.GoingAway);
        }
    }
}
