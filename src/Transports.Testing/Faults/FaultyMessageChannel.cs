namespace Transports.Testing;

/// <summary>Delays, drops, fails and cuts what is sent, as a seed decides.</summary>
/// <remarks>One send at a time passes the turnstile, so that a delay keeps the order and the seed's numbers fall in the order of the sends.</remarks>
internal sealed class FaultyMessageChannel(IMessageChannel inner, ChannelFaultOptions options) : DelegatingMessageChannel(inner)
{
    private readonly SemaphoreSlim _turnstile = new(1);
    private readonly Random _random = new(options.Seed);
    private int _sent;

    public override ChannelCharacteristics Characteristics => options.DropProbability > 0
        ? Inner.Characteristics with { IsReliable = false }
        : Inner.Characteristics;

    public override ValueTask SendAsync(Message message, CancellationToken cancellationToken = default)
        => SendAsync(new[] { message }, single: true, cancellationToken);

    public override ValueTask SendAsync(ReadOnlyMemory<Message> batch, CancellationToken cancellationToken = default)
        => SendAsync(batch, single: false, cancellationToken);

    // Where a send would wait, for its turn or its delay, there is no room: with a delay, never.
    public override bool TrySend(in Message message)
    {
        if (Inner.Closed.IsCompleted)
        {
            return Inner.TrySend(message);
        }

        if (options.Delay > TimeSpan.Zero || !_turnstile.Wait(0))
        {
            return false;
        }

        try
        {
            FailOrCut(1);
            var isDropped = options.DropProbability > 0 && _random.NextDouble() < options.DropProbability;
            if (!isDropped && !Inner.TrySend(message))
            {
                return false;
            }

            _sent++;
            return true;
        }
        finally
        {
            _turnstile.Release();
        }
    }

    private async ValueTask SendAsync(ReadOnlyMemory<Message> batch, bool single, CancellationToken cancellationToken)
    {
        await _turnstile.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (options.Delay > TimeSpan.Zero)
            {
                await Task.Delay(options.Delay, options.TimeProvider, cancellationToken).ConfigureAwait(false);
            }

            FailOrCut(batch.Length);
            var kept = Keep(batch);
            if (single && !kept.IsEmpty)
            {
                await Inner.SendAsync(kept.Span[0], cancellationToken).ConfigureAwait(false);
            }
            else if (!kept.IsEmpty)
            {
                await Inner.SendAsync(kept, cancellationToken).ConfigureAwait(false);
            }

            _sent += batch.Length;
        }
        finally
        {
            _turnstile.Release();
        }
    }

    private void FailOrCut(int count)
    {
        if (options.FailSendProbability > 0 && _random.NextDouble() < options.FailSendProbability)
        {
            throw new TransportException("This send was made to fail by ChannelFaultOptions.FailSendProbability. Nothing was sent; the channel is intact.");
        }

        if (options.CutAfterMessages is { } limit && _sent + count > limit)
        {
            Inner.Abort(new TransportException($"The connection was cut by ChannelFaultOptions.CutAfterMessages, after {_sent} messages."));
        }
    }

    private ReadOnlyMemory<Message> Keep(ReadOnlyMemory<Message> batch)
    {
        if (options.DropProbability <= 0)
        {
            return batch;
        }

        var kept = new List<Message>(batch.Length);
        foreach (ref readonly var message in batch.Span)
        {
            if (_random.NextDouble() >= options.DropProbability)
            {
                kept.Add(message);
            }
        }

        return kept.ToArray();
    }
}
