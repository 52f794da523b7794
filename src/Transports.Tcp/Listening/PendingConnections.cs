using System.Net.Sockets;

namespace Transports.Tcp;

/// <summary>The connections a listener holds and has not handed out: a bounded number of places, and the handshakes among them.</summary>
internal sealed class PendingConnections(int places, TimeProvider timeProvider)
{
    // Time enough for a handshake over a slow way; short enough that peers which do not finish theirs keep nobody waiting for
    // long. Their age alone counts, and not their silence: a byte now and then would protect them.
    private static readonly TimeSpan AgeAllowed = TimeSpan.FromSeconds(1);

    private readonly SemaphoreSlim _places = new(places);
    private readonly LinkedList<PendingConnection> _opening = [];
    private TaskCompletionSource? _done;

    /// <summary>Takes a place. When none is free, handshakes that have lasted for a second lose theirs, the oldest first.</summary>
    /// <returns><see langword="false"/> when the listener stops.</returns>
    public async ValueTask<bool> EnterAsync(CancellationToken stopping)
    {
        while (!_places.Wait(0, CancellationToken.None))
        {
            using var until = new CancellationTokenSource(DropOldest(), timeProvider);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(stopping, until.Token);
            try
            {
                await _places.WaitAsync(either.Token).ConfigureAwait(false);
                return true;
            }
            catch (OperationCanceledException)
            {
                if (stopping.IsCancellationRequested)
                {
                    return false;
                }
            }
        }

        return true;
    }

    /// <summary>Gives a place back.</summary>
    public void Release() => _places.Release();

    /// <summary>Opens a connection in the background. It never throws.</summary>
    public void Run(Socket socket, Func<PendingConnection, Task> open)
    {
        var connection = new PendingConnection(socket, timeProvider.GetTimestamp());
        LinkedListNode<PendingConnection> node;
        lock (_opening)
        {
            node = _opening.AddLast(connection);
        }

        _ = RunAsync(node, open);
    }

    /// <summary>Resets every connection being opened.</summary>
    public void AbortAll()
    {
        PendingConnection[] connections;
        lock (_opening)
        {
            connections = [.. _opening];
        }

        foreach (var connection in connections)
        {
            connection.Abort();
        }
    }

    /// <summary>Completes when none is being opened any more. Call once no more are run.</summary>
    public Task WhenDoneAsync()
    {
        lock (_opening)
        {
            if (_opening.Count == 0)
            {
                return Task.CompletedTask;
            }

            _done ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return _done.Task;
        }
    }

    private async Task RunAsync(LinkedListNode<PendingConnection> node, Func<PendingConnection, Task> open)
    {
        try
        {
            await open(node.Value).ConfigureAwait(false);
        }
        finally
        {
            lock (_opening)
            {
                _opening.Remove(node);
                if (_opening.Count == 0)
                {
                    _done?.TrySetResult();
                }
            }
        }
    }

    // Returns how long to wait for a place before looking again.
    private TimeSpan DropOldest()
    {
        PendingConnection? oldest;
        lock (_opening)
        {
            oldest = _opening.FirstOrDefault(static connection => !connection.Dropped);
        }

        if (oldest is null)
        {
            return AgeAllowed;
        }

        var rest = AgeAllowed - timeProvider.GetElapsedTime(oldest.Since);
        if (rest > TimeSpan.Zero)
        {
            return rest;
        }

        oldest.Abort();
        return AgeAllowed;
    }
}
