namespace Transports.Engine;

/// <summary>How fast one channel's messages are handed out. A message is let through whole, and its debt is waited for before the next. For one caller at a time.</summary>
internal sealed class ReceiveRate
{
    private readonly TokenBucket? _messages;
    private readonly TokenBucket? _bytes;

    private ReceiveRate(TokenBucket? messages, TokenBucket? bytes)
    {
        _messages = messages;
        _bytes = bytes;
    }

    /// <summary>How long until the next message may be handed out.</summary>
    public TimeSpan Wait
    {
        get
        {
            var messages = _messages?.WaitFor(1) ?? TimeSpan.Zero;
            var bytes = _bytes?.WaitFor(0) ?? TimeSpan.Zero;
            return messages > bytes ? messages : bytes;
        }
    }

    /// <summary>The rate of a channel; <see langword="null"/> without one, so that nothing is counted.</summary>
    public static ReceiveRate? Create(ConnectionGuardOptions options, TimeProvider timeProvider)
    {
        if (options.MaxMessagesPerSecond is null && options.MaxBytesPerSecond is null)
        {
            return null;
        }

        return new ReceiveRate(
            options.MaxMessagesPerSecond is { } messages ? new TokenBucket(messages, messages, timeProvider) : null,
            options.MaxBytesPerSecond is { } bytes ? new TokenBucket(bytes, bytes, timeProvider) : null);
    }

    public void Take(long bytes)
    {
        _messages?.Take();
        _bytes?.Take(bytes);
    }
}
