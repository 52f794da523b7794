namespace Transports.Benchmarks;

/// <summary>Accepts channels, sends a message of one byte on each and waits for its end.</summary>
internal sealed class ChannelAcceptor : IAsyncDisposable
{
    private static readonly byte[] Word = new byte[1];

    private readonly IMessageListener _listener;
    private readonly Task _accepting;

    /// <summary>Starts accepting.</summary>
    /// <param name="listener">Taken over.</param>
    public ChannelAcceptor(IMessageListener listener)
    {
        _listener = listener;
        _accepting = Task.Run(AcceptAsync);
    }

    public async ValueTask DisposeAsync()
    {
        await _listener.DisposeAsync();
        await _accepting;
    }

    private static async Task ServeAsync(IMessageChannel channel)
    {
        try
        {
            await channel.SendAsync(Word);
            await channel.ReceiveAsync();
        }
        catch (MessageChannelClosedException)
        {
            // The client's reset, which is its way to end.
        }

        channel.Abort();
    }

    private async Task AcceptAsync()
    {
        while (await _listener.AcceptAsync() is { } channel)
        {
            _ = ServeAsync(channel);
        }
    }
}
