using System.Threading.Channels;

namespace Transports.Interop.Tests;

/// <summary>A handler that sends what a test tells it to.</summary>
internal sealed class Told
{
    private readonly Channel<Func<IMessageChannel, ValueTask>> _orders = Channel.CreateUnbounded<Func<IMessageChannel, ValueTask>>();

    public async Task HandleAsync(IMessageChannel channel, CancellationToken stoppingToken)
    {
        await foreach (var order in _orders.Reader.ReadAllAsync(stoppingToken))
        {
            await order(channel);
        }
    }

    public void Say(string text) => Do(channel => channel.SendAsync(text, CancellationToken.None));

    public void Do(Func<IMessageChannel, ValueTask> order) => _orders.Writer.TryWrite(order).Should().BeTrue();

    /// <summary>The handler returns, and so ends its channel.</summary>
    public void Finish() => _orders.Writer.Complete();
}
