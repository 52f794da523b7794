namespace Transports.Model.Tests;

/// <summary>
/// Runs a program one step at a time: a call that begins, a token that is cancelled, bytes that move. After each step it waits until the
/// channels have nothing to do, so that the seed decides the whole run.
/// </summary>
internal sealed class SteppedModelRunner(ModelRun run, SerialThreadPool pool, SteppedClock clock, ScriptedLink? link)
{
    private static readonly TimeSpan LongerThanAnyTimeout = TimeSpan.FromHours(1);

    private readonly Random _random = new(run.Program.Seed + 1);
    private readonly List<(ModelEnd End, ModelCall Call, Task Task)> _pending = [];
    private int _stage;

    public void Run()
    {
        var choices = new List<Action>();
        while (true)
        {
            Collect();
            choices.Clear();
            AddChoices(choices);
            if (choices.Count > 0)
            {
                pool.Do(choices[_random.Next(choices.Count)]);
                continue;
            }

            var goesOn = true;
            pool.Do(() => goesOn = GoOn());
            if (!goesOn)
            {
                break;
            }
        }

        run.Oracle.Check();
        foreach (var end in run.Ends)
        {
            Task? calls = null;
            pool.Do(() => calls = ModelAftermath.CheckAsync(end, run.History));
            Finish(calls!, "what is called after the end");
            end.CheckKept();
        }

        LetEverythingMove();
    }

    /// <summary>Until nothing moves any more.</summary>
    private void LetEverythingMove()
    {
        var events = new List<Action>();
        do
        {
            events.Clear();
            link?.AddEvents(events);
            if (events.Count > 0)
            {
                pool.Do(events[_random.Next(events.Count)]);
            }
        }
        while (events.Count > 0);
    }

    private void Finish(Task task, string what)
    {
        LetEverythingMove();
        if (!task.IsCompleted)
        {
            run.History.Violate($"Something of {what} never ends.");
            return;
        }

        task.GetAwaiter().GetResult();
    }

    private void Collect()
    {
        for (var i = _pending.Count - 1; i >= 0; i--)
        {
            var (end, call, task) = _pending[i];
            if (task.IsCompleted)
            {
                _pending.RemoveAt(i);
                task.GetAwaiter().GetResult();
                run.After(end, call);
            }
        }
    }

    private void AddChoices(List<Action> choices)
    {
        foreach (var (end, actor) in run.Actors)
        {
            if (!actor.IsDone && !actor.IsResting && run.MayGo(end, actor) && !_pending.Exists(one => one.Call.Actor == actor))
            {
                choices.Add(() => Start(end, actor));
            }
        }

        foreach (var (_, call, _) in _pending)
        {
            if (call.Op.Cancel == ModelCancel.Later && !call.Source!.IsCancellationRequested)
            {
                choices.Add(() => Cancel(call));
            }
        }

        link?.AddEvents(choices);
    }

    private void Start(ModelEnd end, ModelActor actor)
    {
        if (run.Next(end, actor) is { } call)
        {
            _pending.Add((end, call, end.ExecuteAsync(call)));
        }
    }

    private void Cancel(ModelCall call)
    {
        run.History.Note($"{call} is cancelled now");
        call.Source!.Cancel();
    }

    private bool GoOn()
    {
        switch (_stage++)
        {
            case 0:
                CheckStall();
                foreach (var (_, actor) in run.Actors)
                {
                    actor.Rests = false;
                }

                return true;
            case 1:
                CheckStall();
                foreach (var (_, actor) in run.Actors)
                {
                    actor.Released = true;
                }

                return true;
            case 2:
                EndBoth(ModelOpKind.Dispose);
                return true;
            case 3:
                run.History.Note("time goes on");
                clock.Advance(LongerThanAnyTimeout);
                return true;
            case 4:
                EndBoth(ModelOpKind.Abort);
                return true;
            default:
                foreach (var (_, call, _) in _pending)
                {
                    run.History.Violate($"{call} never ends.");
                }

                return false;
        }
    }

    private void EndBoth(ModelOpKind how)
    {
        foreach (var end in run.Ends)
        {
            var call = new ModelCall(end.Number, new ModelActor(ModelRole.Ender, 99, [], 0), _stage, new ModelOp(how));
            _pending.Add((end, call, end.ExecuteAsync(call)));
        }
    }

    private void CheckStall()
    {
        if (run.Oracle.FindStall() is { } stall)
        {
            run.History.Violate(stall);
        }
    }
}
