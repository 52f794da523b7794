using System.Globalization;

namespace Transports.Testing;

/// <summary>What happened, in order, and what was wrong with it.</summary>
internal sealed class ModelHistory
{
    private const int MaxViolations = 5;

    private readonly Lock _gate = new();
    private readonly List<string> _lines = [];
    private readonly List<ModelCall> _calls = [];
    private readonly List<string> _violations = [];
    private long _now;

    /// <summary>Grows with every event.</summary>
    public long Now => Volatile.Read(ref _now);

    public IReadOnlyList<string> Violations
    {
        get
        {
            lock (_gate)
            {
                return [.. _violations];
            }
        }
    }

    public IReadOnlyList<ModelCall> Calls
    {
        get
        {
            lock (_gate)
            {
                return [.. _calls];
            }
        }
    }

    public IReadOnlyList<string> Lines
    {
        get
        {
            lock (_gate)
            {
                return [.. _lines];
            }
        }
    }

    public void Start(ModelCall call)
    {
        lock (_gate)
        {
            call.Started = ++_now;
            _calls.Add(call);
            _lines.Add(string.Create(CultureInfo.InvariantCulture, $"{_now,5} > {call}"));
        }
    }

    public void End(ModelCall call, ModelOutcome outcome, Exception? error)
    {
        lock (_gate)
        {
            call.Outcome = outcome;
            call.Error = error;
            call.Ended = ++_now;
            var how = error is null ? $"{outcome}" : $"{outcome}: {error.GetType().Name}: {error.Message}";
            _lines.Add(string.Create(CultureInfo.InvariantCulture, $"{_now,5} < {call} {how}"));
        }
    }

    public long Note(string text)
    {
        lock (_gate)
        {
            _lines.Add(string.Create(CultureInfo.InvariantCulture, $"{++_now,5}   {text}"));
            return _now;
        }
    }

    public void Violate(string text)
    {
        lock (_gate)
        {
            _lines.Add(string.Create(CultureInfo.InvariantCulture, $"{++_now,5} ! {text}"));
            if (_violations.Count < MaxViolations)
            {
                _violations.Add(text);
            }
        }
    }
}
