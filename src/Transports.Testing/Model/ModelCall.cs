namespace Transports.Testing;

/// <summary>One call and how it ended.</summary>
internal sealed class ModelCall(int end, ModelActor actor, int step, ModelOp op)
{
    public int End => end;

    public ModelActor Actor => actor;

    public int Step => step;

    public ModelOp Op => op;

    /// <summary>The moment it began, as a number that grows with every event of the program.</summary>
    public long Started { get; set; }

    /// <summary>The moment it ended; the greatest there is while it has not.</summary>
    public long Ended { get; set; } = long.MaxValue;

    public ModelOutcome Outcome { get; set; }

    public Exception? Error { get; set; }

    /// <summary>The channel had ended when the call began.</summary>
    public bool ClosedBefore { get; set; }

    /// <summary>A <see cref="ModelOpKind.TrySend"/> that was told so.</summary>
    public bool FoundNoRoom { get; set; }

    public CancellationTokenSource? Source { get; set; }

    /// <summary>The message may have gone out, whole.</summary>
    public bool MayArrive => op.IsSend && Outcome is ModelOutcome.Done or ModelOutcome.Closed or ModelOutcome.Pending or ModelOutcome.Unexpected;

    public override string ToString() => $"{(end == 0 ? "client" : "server")}.{actor.Number}#{step} {op}";
}
