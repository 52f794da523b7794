namespace Transports.Grpc;

/// <summary>The calls that the server has ended, and of which the HTTP stack still has to notice it. One for each transport; any thread.</summary>
/// <remarks>
/// .NET's HTTP/2 drops what it has received on a stream that is not over when its connection ends, and a request whose body is still open is not over, although
/// the server has sent all of its answer. Servers that stop send the answer, the reset of the body and the connection's end at once. So the end of a connection
/// waits (<see cref="CallsFirstStream"/>) for the bodies whose reset was read before it.
/// </remarks>
internal sealed class EndingCalls
{
    private readonly Lock _gate = new();
    private int _count;
    private TaskCompletionSource? _none;

    public void Enter()
    {
        lock (_gate)
        {
            _count++;
        }
    }

    public void Leave()
    {
        TaskCompletionSource? none = null;
        lock (_gate)
        {
            if (--_count == 0)
            {
                (none, _none) = (_none, null);
            }
        }

        none?.SetResult();
    }

    /// <summary>Completes at once when there is none, or with the last of them.</summary>
    public Task WhenNoneAsync()
    {
        lock (_gate)
        {
            return _count == 0
                ? Task.CompletedTask
                : (_none ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
        }
    }
}
