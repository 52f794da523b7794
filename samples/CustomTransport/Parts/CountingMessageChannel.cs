using Transports;

namespace CustomTransport;

/// <summary>Counts the messages that the channel took. A behavior is a decorator: it overrides what it changes, and passes on the rest.</summary>
// snippet: decorator
public sealed class CountingMessageChannel(IMessageChannel inner) : DelegatingMessageChannel(inner)
{
    private long _sent;

    /// <summary>How many messages were sent.</summary>
    public long Sent => Volatile.Read(ref _sent);

    public override async ValueTask SendAsync(Message message, CancellationToken cancellationToken = default)
    {
        await Inner.SendAsync(message, cancellationToken).ConfigureAwait(false);
        Interlocked.Increment(ref _sent);
    }

    public override async ValueTask SendAsync(ReadOnlyMemory<Message> batch, CancellationToken cancellationToken = default)
    {
        var count = batch.Length;
        await Inner.SendAsync(batch, cancellationToken).ConfigureAwait(false);
        Interlocked.Add(ref _sent, count);
    }

    public override bool TrySend(in Message message)
    {
        var sent = Inner.TrySend(message);
        if (sent)
        {
            Interlocked.Increment(ref _sent);
        }

        return sent;
    }
}
// end snippet
