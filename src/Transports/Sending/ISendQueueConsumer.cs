namespace Transports.Engine;

/// <summary>Who takes out of a <see cref="SendQueue"/> what senders put in: a write loop, or the receiver of a pipe in memory.</summary>
internal interface ISendQueueConsumer
{
    /// <summary>Something was put in while the consumer was idle (see <see cref="SendQueue.IsConsumerIdle"/>). Under the gate.</summary>
    /// <returns><see langword="true"/> when the caller shall call <see cref="Run"/> after it has left the gate.</returns>
    bool OnAdded();

    /// <summary>There is no room. Under the gate.</summary>
    /// <returns><see langword="true"/> when the caller shall call <see cref="Run"/> after it has left the gate, and then try again.</returns>
    bool TryTakeOver();

    /// <summary>Takes out on the caller's thread, or wakes who does. Without the gate.</summary>
    void Run();

    /// <summary>The queue has failed. Under the gate; memory is given back when nobody is in it.</summary>
    void OnFailed();
}
