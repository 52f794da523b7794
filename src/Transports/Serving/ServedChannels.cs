namespace Transports.Engine;

/// <summary>The channels a server has open, and the wait for the last of them.</summary>
internal sealed class ServedChannels
{
    private readonly Lock _gate = new();
    private readonly HashSet<IMessageChannel> _channels = new(ReferenceEqualityComparer.Instance);
    private TaskCompletionSource? _empty;

    public int Count
    {
        get
        {
            lock (_gate)
            {
                return _channels.Count;
            }
        }
    }

    public void Add(IMessageChannel channel)
    {
        lock (_gate)
        {
            _channels.Add(channel);
        }
    }

    public void Remove(IMessageChannel channel)
    {
        lock (_gate)
        {
            if (_channels.Remove(channel) && _channels.Count == 0)
            {
                _empty?.TrySetResult();
            }
        }
    }

    /// <summary>Completes when none is left; none may be added any more.</summary>
    public Task WhenEmptyAsync()
    {
        lock (_gate)
        {
            if (_channels.Count == 0)
            {
                return Task.CompletedTask;
            }

            _empty ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return _empty.Task;
        }
    }

    public IMessageChannel[] ToArray()
    {
        lock (_gate)
        {
            return [.. _channels];
        }
    }
}
