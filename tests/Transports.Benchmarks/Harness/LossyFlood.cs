namespace Transports.Benchmarks;

/// <summary>A flood over a wire that loses: senders go on until as many messages as asked for have arrived.</summary>
internal abstract class LossyFlood(Work work) : IBenchmarkSide
{
    private volatile bool _enough;

    protected Work Work { get; } = work;

    /// <summary>Enough has arrived.</summary>
    protected bool Enough => _enough;

    public async Task RunAsync(long messages)
    {
        _enough = false;
        var receiving = Task.Run(() => ReceiveAsync(messages));
        var sending = Enumerable.Range(0, Work.Senders).Select(_ => Task.Run(SendAsync)).ToArray();
        await receiving;
        _enough = true;
        await Task.WhenAll(sending);
    }

    public abstract ValueTask DisposeAsync();

    /// <summary>Sends until <see cref="Enough"/>.</summary>
    protected abstract Task SendAsync();

    /// <summary>Receives so many messages of the work's size.</summary>
    protected abstract Task ReceiveAsync(long messages);
}
