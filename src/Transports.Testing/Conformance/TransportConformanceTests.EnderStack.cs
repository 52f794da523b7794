namespace Transports.Testing;

// Whoever ends a channel does not run the code of those who wait for it.
public abstract partial class TransportConformanceTests
{
    /// <summary>A waiting receive is told the end elsewhere than on the stack of whoever ends the channel, and after Closed has completed.</summary>
    /// <param name="how">How the channel is ended.</param>
    [Theory(Timeout = HangTimeout)]
    [InlineData("abort")]
    [InlineData("close")]
    [InlineData("dispose")]
    public async Task AnyEnd_WhileAReceiveWaits_RunsNoneOfItsCode(string how)
    {
        var pair = await OpenAsync();
        var inside = "never ran";
        var receiving = ReceiveAndLookAsync();
        await EndAsync(pair.Receiver, how);
        Assert.True(await receiving, "The receive was told the end before Closed had completed.");
        Assert.Null(inside);

        async Task<bool> ReceiveAndLookAsync()
        {
            try
            {
                while (await pair.Receiver.ReceiveAsync(Token).ConfigureAwait(false) is not null)
                {
                    // A greeting, where there is one.
                }
            }
            catch (MessageChannelClosedException)
            {
            }

            inside = EnderStack.Inside;
            return pair.Receiver.Closed.IsCompleted || how == "close" || how == "dispose";
        }
    }

    /// <summary>The same for sends that wait for room, and for a flush.</summary>
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
        SkipUnless(ReferenceEquals(pair.Sender, pair.Client), $"The client of {Name} does not send.");
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

    /// <summary>The peer ends the channel with an error: whoever is told finds Closed completed.</summary>
    [Fact(Timeout = HangTimeout)]
    public async Task Closed_WhenAReceiveHasThrown_HasCompleted()
    {
        OnlyIfReliable();
        var listener = await ListenAsync();
        for (var round = 0; round < RaceIterations; round++)
        {
            var pair = await ConnectAsync(listener);
            var seen = ReceiveAndLookAsync(pair.Receiver);
            await pair.Sender.SendAsync(new byte[100], Token);
            pair.Sender.Abort();
            Assert.True(await seen, "The receive has thrown before Closed had completed.");
            await pair.Sender.DisposeAsync();
            await pair.Receiver.DisposeAsync();
        }

        static async Task<bool> ReceiveAndLookAsync(IMessageChannel channel)
        {
            try
            {
                while (await channel.ReceiveAsync(Token).ConfigureAwait(false) is not null)
                {
                }

                return true;
            }
            catch (Exception e) when (e is MessageChannelClosedException or MessageFramingException)
            {
                return channel.Closed.IsCompleted;
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
