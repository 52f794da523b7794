namespace Transports.Testing;

/// <summary>One of the callers at one end: does its steps one after another.</summary>
internal sealed class ModelActor(ModelRole role, int number, IReadOnlyList<ModelOp> ops, int seed)
{
    private readonly Random _random = new(seed);
    private int _next;

    public ModelRole Role => role;

    public int Number => number;

    /// <summary>After its own steps a receiver goes on until it has seen the end.</summary>
    public bool Drains { get; init; }

    /// <summary>A receiver that rests after its own steps until the program lets it drain.</summary>
    public bool Rests { get; set; }

    /// <summary>An ender waits until so many steps of its end have begun; <see langword="null"/> until its end's senders are done.</summary>
    public int? After { get; init; }

    /// <summary>Set when the ender is to wait no longer.</summary>
    public bool Released { get; set; }

    /// <summary>Nothing is left to do.</summary>
    public bool IsDone { get; private set; }

    public int StepsTaken { get; private set; }

    public IReadOnlyList<ModelOp> Ops => ops;

    /// <summary>It would go on, but rests.</summary>
    public bool IsResting => !IsDone && _next >= ops.Count && Drains && Rests;

    public void Stop() => IsDone = true;

    public ModelOp? TakeNext()
    {
        if (IsDone || IsResting)
        {
            return null;
        }

        if (_next < ops.Count)
        {
            StepsTaken++;
            return ops[_next++];
        }

        if (!Drains)
        {
            IsDone = true;
            return null;
        }

        StepsTaken++;
        return _random.Next(20) switch
        {
            0 => new ModelOp(ModelOpKind.Receive) { Cancel = ModelCancel.Later },
            1 => new ModelOp(ModelOpKind.Receive) { Cancel = ModelCancel.Before },
            2 => new ModelOp(ModelOpKind.Retain),
            3 => new ModelOp(ModelOpKind.ReadLent),
            < 10 => new ModelOp(ModelOpKind.TryReceive),
            _ => new ModelOp(ModelOpKind.Receive),
        };
    }
}
