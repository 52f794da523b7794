namespace Chat;

/// <summary>A room: what was said, numbered, and who is there.</summary>
/// <remarks>
/// Nothing is pushed to members. Each reads on from the number it has seen, at its own pace, so that a slow one holds nobody up and
/// costs no memory, and one that was cut off is a slow one.
/// </remarks>
internal sealed class Room(string name, TimeProvider time)
{
    private const int Kept = 500;

    private readonly Lock _gate = new();
    private readonly Queue<Said> _said = new(Kept);
    private readonly HashSet<(string Name, string Key)> _keys = [];
    private readonly List<string> _names = [];
    private long _last;
    private People _people = new([]);
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public string Name => name;

    /// <summary>Another one each time the server starts.</summary>
    public string History { get; } = Guid.NewGuid().ToString("N");

    /// <summary>Says something, unless it was said already.</summary>
    public void Say(string who, Say say)
    {
        lock (_gate)
        {
            if (!_keys.Add((who, say.Key)))
            {
                return;
            }

            if (_said.Count == Kept)
            {
                var forgotten = _said.Dequeue();
                _keys.Remove((forgotten.Name, forgotten.Key));
            }

            _said.Enqueue(new Said(++_last, who, say.Text, time.GetUtcNow(), say.Key));
            Change();
        }
    }

    /// <summary>What was said after a number, who is there, and a task that completes when either changes.</summary>
    public RoomNews NewsAfter(long number)
    {
        lock (_gate)
        {
            var oldest = _last - _said.Count;
            var unseen = number < _last ? _said.Skip((int)Math.Max(0, number - oldest)).ToArray() : [];
            return new RoomNews(unseen, Math.Max(0, oldest - number), _people, _changed.Task);
        }
    }

    public void Enter(string who)
    {
        lock (_gate)
        {
            _names.Add(who);
            ChangePeople();
        }
    }

    public void Leave(string who)
    {
        lock (_gate)
        {
            // One of its name: somebody who comes back may be here twice for a moment.
            _names.Remove(who);
            ChangePeople();
        }
    }

    private void ChangePeople()
    {
        _people = new People([.. _names.Distinct().Order(StringComparer.OrdinalIgnoreCase)]);
        Change();
    }

    private void Change()
    {
        var changed = _changed;
        _changed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        changed.SetResult();
    }
}
