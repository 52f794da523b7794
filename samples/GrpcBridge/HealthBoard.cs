using static GrpcBridge.HealthCheckResponse.Types;

namespace GrpcBridge;

/// <summary>What is known of each service's health, and a way to wait for news of it.</summary>
internal sealed class HealthBoard
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, ServingStatus> _statuses = new(StringComparer.Ordinal);
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Sets a service's status and wakes who watches.</summary>
    public void Set(string service, ServingStatus status)
    {
        lock (_gate)
        {
            _statuses[service] = status;
            _changed.SetResult();
            _changed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }
    }

    /// <summary>The status, and a task that completes when anything has changed since.</summary>
    public (ServingStatus? Status, Task Changed) Get(string service)
    {
        lock (_gate)
        {
            return (_statuses.TryGetValue(service, out var status) ? status : null, _changed.Task);
        }
    }
}
