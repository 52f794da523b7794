using System.Diagnostics;

namespace Transports.Testing;

/// <summary>Lets the calls of a program begin in the order in which they began in an earlier run.</summary>
internal sealed class ModelReplay(IReadOnlyList<(int End, int Actor, int Step)> order)
{
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(100);

    private readonly Lock _gate = new();
    private readonly Dictionary<(int, int, int), TaskCompletionSource> _waiting = [];
    private int _next;
    private bool _diverged;

    /// <summary>The order of the calls of a run.</summary>
    public static IReadOnlyList<(int End, int Actor, int Step)> OrderOf(ModelHistory history)
        => [.. history.Calls.Select(static call => (call.End, call.Actor.Number, call.Step))];

    public async Task TurnAsync(ModelCall call)
    {
        var key = (call.End, call.Actor.Number, call.Step);
        TaskCompletionSource turn;
        lock (_gate)
        {
            if (_diverged || (_next < order.Count && order[_next] == key))
            {
                Advance();
                return;
            }

            turn = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _waiting[key] = turn;
        }

        if (await Task.WhenAny(turn.Task, Task.Delay(Patience)).ConfigureAwait(false) != turn.Task)
        {
            // The one whose turn it is waits for something that came at another moment then: from here on the run is a free one.
            lock (_gate)
            {
                _diverged = true;
                foreach (var other in _waiting.Values)
                {
                    other.TrySetResult();
                }

                _waiting.Clear();
            }
        }
    }

    private void Advance()
    {
        Debug.Assert(_gate.IsHeldByCurrentThread, "Called under the gate.");
        _next++;
        if (_next < order.Count && _waiting.Remove(order[_next], out var turn))
        {
            turn.TrySetResult();
            Advance();
        }
    }
}
