namespace Transports;

// Whoever ends a channel does not run the code of those who wait for it.
public abstract partial class TransportConformanceTests
{
    /// <summary>Sends that wait for room, and a flush, are told the end elsewhere than on the stack of whoever ends the channel.</summary>
    /// <param name="how">How the channel is ended.</param>
    [Theory(Timeout = HangTimeout)]
    [InlineData("abort")]
    [InlineData("close")]
    [InlineData("dispose")]
    public async Task AnyEnd_WhileSendsWait_RunsNoneOfTheirCode(string how)
    {
        OnlyIfReliable();
        var hasty = new ConformanceOptions(ChannelSide.Client, Pool) { SendBufferSize = SmallBuffer, ReceiveBufferSize = SmallBuffer, MaxMessageSize = SmallBuffer, CloseTimeout = TimeSpan.FromMilliseconds(100) };
        var pair = await OpenAsync(client: hasty, server: Small(ChannelSide.Server));
        OnlyIf(ReferenceEquals(pair.Sender, pair.Client), $"The client of {Name} does not send.");
        await FillAsync(pair.Client, SmallBuffer);
        var inside = new System.Collections.Concurrent.ConcurrentQueue<string>();
        var waiting = Enumerable.Range(0, 5).Select(_ => LookAsync(pair.Client.SendAsync(new byte[SmallBuffer], Token)))
            .Append(LookAsync(pair.Client.FlushAsync(Token)))
            .ToArray();
        await EndAsync(pair.Client, how);
        await Task.WhenAll(waiting);
        Assert.Empty(inside);

        async Task LookAsync(ValueTask call)
        {
            try
            {
                await call.ConfigureAwait(false);
            }
            catch (MessageChannelClosedException)
            {
            }

            if (EnderStack.Inside is { } ender)
            {
                inside.Enqueue(ender);
            }
        }
    }

    private static async Task EndAsync(IMessageChannel channel, string how)
    {
        ValueTask ending = default;
        EnderStack.Enter(how);
        try
        {
            switch (how)
            {
                case "close":
                    ending = channel.CloseAsync(cancellationToken: Token);
                    break;
                case "dispose":
                    ending = channel.DisposeAsync();
                    break;
                default:
                    channel.Abort();
                    break;
            }
        }
        finally
        {
            EnderStack.Leave();
        }

        await ending;
    }
}
