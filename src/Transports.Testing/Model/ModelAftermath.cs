namespace Transports.Testing;

/// <summary>What a channel that has ended and was disposed answers: every call at once, the same each time.</summary>
internal static class ModelAftermath
{
    public static async Task CheckAsync(ModelEnd end, ModelHistory history)
    {
        var channel = end.Channel;
        var closed = channel.Closed;
        await Twice("a receive", async () =>
        {
            var message = await channel.ReceiveAsync().ConfigureAwait(false);
            if (message is not null)
            {
                history.Violate($"{end.Name} received a message after it was disposed.");
            }
        }).ConfigureAwait(false);
        await Twice("TryReceive", () =>
        {
            if (channel.TryReceive(out _))
            {
                history.Violate($"{end.Name} received a message by TryReceive after it was disposed.");
            }

            return Task.CompletedTask;
        }).ConfigureAwait(false);
        await Twice("a send", async () => await channel.SendAsync(new byte[ModelPayload.MinSize]).ConfigureAwait(false), mustFail: true).ConfigureAwait(false);
        await Twice(
            "a TrySend",
            () =>
            {
                channel.TrySend(new byte[ModelPayload.MinSize]);
                return Task.CompletedTask;
            },
            mustFail: true).ConfigureAwait(false);
        await Twice("a batch", async () => await channel.SendAsync(new Message[] { new byte[ModelPayload.MinSize], new byte[ModelPayload.MinSize] }).ConfigureAwait(false), mustFail: true).ConfigureAwait(false);
        await Twice("a flush", async () => await channel.FlushAsync().ConfigureAwait(false)).ConfigureAwait(false);
        await Twice("CompleteSending", async () => await channel.CompleteSendingAsync().ConfigureAwait(false)).ConfigureAwait(false);
        await Quietly("a close", async () => await channel.CloseAsync(ChannelCloseStatus.PolicyViolation, "too late").ConfigureAwait(false)).ConfigureAwait(false);
        await Quietly("an abort", () =>
        {
            channel.Abort();
            return Task.CompletedTask;
        }).ConfigureAwait(false);
        await Quietly("a dispose", async () => await channel.DisposeAsync().ConfigureAwait(false)).ConfigureAwait(false);
        if (!ReferenceEquals(closed, channel.Closed))
        {
            history.Violate($"{end.Name}'s Closed is another task than before.");
        }

        async Task Twice(string what, Func<Task> call, bool mustFail = false)
        {
            var first = await TryAsync(call).ConfigureAwait(false);
            var second = await TryAsync(call).ConfigureAwait(false);
            if (ModelEnd.Describe(first) != ModelEnd.Describe(second))
            {
                history.Violate($"{end.Name} answered {what} after the end with {ModelEnd.Describe(first)}, and then with {ModelEnd.Describe(second)}.");
            }

            if (first is not (null or MessageChannelClosedException or InvalidOperationException or NotSupportedException or MessageFramingException))
            {
                history.Violate($"{end.Name} answered {what} after the end with {first.GetType().Name}: {first.Message}");
            }

            if (mustFail && first is null)
            {
                history.Violate($"{end.Name} accepted {what} after the end.");
            }
        }

        async Task Quietly(string what, Func<Task> call)
        {
            if (await TryAsync(call).ConfigureAwait(false) is { } error)
            {
                history.Violate($"{end.Name} answered {what} after the end with {error.GetType().Name}: {error.Message}");
            }
        }
    }

    private static async Task<Exception?> TryAsync(Func<Task> call)
    {
        try
        {
            await call().ConfigureAwait(false);
            return null;
        }
        catch (Exception e)
        {
            return e;
        }
    }
}
