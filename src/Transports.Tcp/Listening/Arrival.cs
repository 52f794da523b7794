namespace Transports.Tcp;

/// <summary>What an accept loop hands to <see cref="IMessageListener.AcceptAsync"/>: an open channel, or a failure that the loop waits to be reported.</summary>
internal sealed class Arrival
{
    private readonly TaskCompletionSource _taken = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public FramedMessageChannel? Channel { get; init; }

    public Exception? Failure { get; init; }

    /// <summary>Completes when somebody has it, so that a loop that fails goes no faster than its caller asks.</summary>
    public Task Taken => _taken.Task;

    public void Take() => _taken.TrySetResult();
}
