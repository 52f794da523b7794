using System.Net.Sockets;

namespace Transports;

/// <summary>The connections a listener holds and has not handed out: a bounded number of places, and the handshakes among them.</summary>
internal sealed class PendingConnections(int places)
{
    private readonly SemaphoreSlim _places = new(places);
    private readonly LinkedList<PendingConnection> _opening = [];
    private TaskCompletionSource? _done;

    /// <summary>Takes a place. When none is free, the oldest connection that has not sent a byte loses its own.</summary>
    /// <returns><see langword="false"/> when the listener stops.</returns>
    public async ValueTask<bool> EnterAsync(CancellationToken stopping)
    {
        if (_places.Wait(0, CancellationToken.None))
        {
            return true;
        }

        DropOldestSilent();
        try
        {
            await _places.WaitAsync(stopping).ConfigureAwait(false);
            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    /// <summary>Gives a place back.</summary>
    public void Release() => _places.Release();

    /// <summary>Opens a connection in the background. It never throws.</summary>
    public void Run(Socket socket, Func<PendingConnection, Task> open)
    {
        var connection = new PendingConnection(socket);
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

    private void DropOldestSilent()
    {
        PendingConnection? oldest;
        lock (_opening)
        {
            oldest = _opening.FirstOrDefault(connection => !connection.Heard);
        }

        oldest?.Abort();
    }
}
