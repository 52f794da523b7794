namespace Transports.Testing;

/// <summary>Runs a program with every actor on its own, as fast as it can: the threads decide the order.</summary>
internal sealed class FreeModelRunner(ModelRun run, ContractModelOptions options, ModelReplay? replay = null)
{
    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(20);

    private readonly TaskCompletionSource _drain = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _endersGo = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public async Task RunAsync()
    {
        var actors = run.Actors.Select(one => Task.Run(() => RunActorAsync(one.End, one.Actor))).ToList();
        var all = Task.WhenAll(actors);

        // Each stage begins when nothing moves: what waits then waits for something that the program does not do.
        await MovesNoMoreAsync(all).ConfigureAwait(false);
        await CheckStallAsync(all).ConfigureAwait(false);
        run.History.Note("resting receivers read on");
        _drain.TrySetResult();
        await MovesNoMoreAsync(all).ConfigureAwait(false);
        await CheckStallAsync(all).ConfigureAwait(false);
        run.History.Note("enders wait no longer");
        _endersGo.TrySetResult();
        await MovesNoMoreAsync(all).ConfigureAwait(false);
        run.History.Note("both ends are disposed");
        var disposing = Task.WhenAll(run.Ends.Select(end => Task.Run(() => EndAsync(end, ModelOpKind.Dispose))));
        var ended = Task.WhenAll(all, disposing);
        await MovesNoMoreAsync(ended).ConfigureAwait(false);
        if (!ended.IsCompleted)
        {
            run.History.Note("both ends are aborted");
            await Task.WhenAll(run.Ends.Select(end => Task.Run(() => EndAsync(end, ModelOpKind.Abort)))).ConfigureAwait(false);
        }

        if (await Task.WhenAny(ended, Task.Delay(options.HangTimeout)).ConfigureAwait(false) != ended)
        {
            foreach (var call in run.History.Calls.Where(static call => call.Outcome == ModelOutcome.Pending))
            {
                run.History.Violate($"{call} never ends.");
            }

            return;
        }

        await ended.ConfigureAwait(false);
        run.Oracle.Check();
        foreach (var end in run.Ends)
        {
            var calls = ModelAftermath.CheckAsync(end, run.History);
            if (await Task.WhenAny(calls, Task.Delay(options.HangTimeout)).ConfigureAwait(false) != calls)
            {
                run.History.Violate($"{end.Name}: a call made after the end never ends.");
                return;
            }

            await calls.ConfigureAwait(false);
            end.CheckKept();
        }
    }

    private Task EndAsync(ModelEnd end, ModelOpKind how)
        => end.ExecuteAsync(new ModelCall(end.Number, new ModelActor(ModelRole.Ender, 99, [], 0), 0, new ModelOp(how)));

    private async Task RunActorAsync(ModelEnd end, ModelActor actor)
    {
        while (!run.MayGo(end, actor))
        {
            // Looks again when something has moved; a program has no signal for each step.
            if (await Task.WhenAny(_endersGo.Task, Task.Delay(1)).ConfigureAwait(false) == _endersGo.Task)
            {
                actor.Released = true;
            }
        }

        while (true)
        {
            if (actor.IsResting)
            {
                await _drain.Task.ConfigureAwait(false);
                actor.Rests = false;
            }

            if (run.Next(end, actor) is not { } call)
            {
                return;
            }

            if (replay is not null)
            {
                await replay.TurnAsync(call).ConfigureAwait(false);
            }

            var executing = end.ExecuteAsync(call);
            if (call.Op.Cancel == ModelCancel.Later)
            {
                // From another thread, where it can meet the call being served at the same moment.
                if (call.Step % 2 == 0)
                {
                    await Task.Yield();
                }

                call.Source!.Cancel();
            }
            else if (call.Op.Kind is ModelOpKind.TryReceive or ModelOpKind.ReadLent)
            {
                await Task.Yield();
            }

            await executing.ConfigureAwait(false);
            run.After(end, call);
        }
    }

    // Until all is done, or nothing has happened for a while.
    private async Task MovesNoMoreAsync(Task all)
    {
        var seen = -1L;
        var since = TimeProvider.System.GetTimestamp();
        while (!all.IsCompleted)
        {
            await Task.WhenAny(all, Task.Delay(LookEvery)).ConfigureAwait(false);
            var now = Moves();
            if (now != seen)
            {
                seen = now;
                since = TimeProvider.System.GetTimestamp();
            }
            else if (TimeProvider.System.GetElapsedTime(since) > options.Patience)
            {
                return;
            }
        }
    }

    // A receiver that drains makes calls without end where nothing arrives, and those are no movement.
    private long Moves() => run.History.Calls.Count(static call => call.Op.Kind is not (ModelOpKind.Receive or ModelOpKind.TryReceive or ModelOpKind.ReadLent or ModelOpKind.Retain) && call.Outcome != ModelOutcome.Pending)
        + run.Ends.Sum(static end => (long)end.Received.Count + (end.EndSeen is null ? 0 : 1));

    private async Task CheckStallAsync(Task all)
    {
        if (all.IsCompleted || run.Oracle.FindStall() is null)
        {
            return;
        }

        // A busy machine may be behind; only what stays so is a fault.
        var stays = !await Eventually.TrueOrTimeoutAsync(() => all.IsCompleted || run.Oracle.FindStall() is null, options.HangTimeout).ConfigureAwait(false);
        if (stays && run.Oracle.FindStall() is { } stall)
        {
            run.History.Violate(stall);
        }
    }
}
