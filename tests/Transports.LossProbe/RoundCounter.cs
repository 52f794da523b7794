namespace Transports.LossProbe;

/// <summary>Tells the sender how far the receiver is, past the wire.</summary>
internal sealed class RoundCounter
{
    private readonly Lock _gate = new();
    private int _reached;
    private TaskCompletionSource _next = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public void Reach(int round)
    {
        lock (_gate)
        {
            _reached = Math.Max(_reached, round);
            _next.TrySetResult();
            _next = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }
    }

    /// <summary>Waits for the round, or for as long as given.</summary>
    public async Task<bool> WaitAsync(int round, TimeSpan patience, CancellationToken cancellationToken)
    {
        var waited = Task.Delay(patience, cancellationToken);
        while (true)
        {
            Task next;
            lock (_gate)
            {
                if (_reached >= round)
                {
                    return true;
                }

                next = _next.Task;
            }

            if (await Task.WhenAny(next, waited) == waited)
            {
                cancellationToken.ThrowIfCancellationRequested();
                return false;
            }
        }
    }
}
