using System.Globalization;
using System.Text;

namespace Transports.Testing;

/// <summary>A program, the two ends it runs on, and what came of it: what the free and the stepped runner share.</summary>
internal sealed class ModelRun
{
    private const int LinesShown = 150;

    public ModelRun(ModelProgram program, ModelEnd[] ends, ModelHistory history, bool startsInOrder)
    {
        (Program, Ends, History) = (program, ends, history);
        Oracle = new ModelOracle(ends, history, startsInOrder);
    }

    public ModelProgram Program { get; }

    public ModelEnd[] Ends { get; }

    public ModelHistory History { get; }

    public ModelOracle Oracle { get; }

    public IEnumerable<(ModelEnd End, ModelActor Actor)> Actors => Ends.SelectMany(end => Program.Actors[end.Number].Select(actor => (end, actor)));

    /// <summary>An ender's turn has come.</summary>
    public bool MayGo(ModelEnd end, ModelActor actor)
    {
        if (actor.Role != ModelRole.Ender || actor.Released)
        {
            return true;
        }

        var others = Program.Actors[end.Number].Where(static other => other.Role == ModelRole.Sender);
        return actor.After is { } after ? others.Sum(static other => other.StepsTaken) >= after : others.All(static other => other.IsDone);
    }

    /// <summary>The next call of an actor, or <see langword="null"/> when it has none now.</summary>
    public ModelCall? Next(ModelEnd end, ModelActor actor)
        => actor.TakeNext() is { } op ? new ModelCall(end.Number, actor, actor.StepsTaken, op) : null;

    /// <summary>What the end of a call means for its actor.</summary>
    public void After(ModelEnd end, ModelCall call)
    {
        var over = call.Actor.Role switch
        {
            ModelRole.Receiver => end.EndSeen is not null || (call.Op.Kind == ModelOpKind.Receive && call.Outcome is ModelOutcome.Closed or ModelOutcome.Unexpected),

            // A sender tries until the second refusal: the first may have been the first to learn of the end.
            ModelRole.Sender => call.Outcome is ModelOutcome.Closed or ModelOutcome.Unexpected && call.Step % 2 == 0,
            _ => false,
        };
        if (over)
        {
            call.Actor.Stop();
        }
    }

    public void Fail(string name, string? more = null)
    {
        var violations = History.Violations;
        if (violations.Count == 0)
        {
            return;
        }

        var lines = History.Lines;
        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture, $"Seed {Program.Seed} of the model over {name} broke the contract. Run it alone with TRANSPORTS_MODEL_SEED={Program.Seed}.");
        foreach (var violation in violations)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"- {violation}");
        }

        foreach (var end in Ends)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"{end.Name} ended as {(end.Channel.Closed.IsCompletedSuccessfully ? end.Channel.Closed.Result : "not at all")}");
        }

        if (more is not null)
        {
            text.AppendLine(more);
        }

        if (lines.Count > LinesShown)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"({lines.Count - LinesShown} earlier events left out)");
        }

        text.AppendJoin(Environment.NewLine, lines.TakeLast(LinesShown));
        Assert.Fail(text.ToString());
    }
}
