using System.Globalization;

namespace Transports.Testing;

/// <summary>Compares what happened with the contract of <see cref="IMessageChannel"/>.</summary>
/// <param name="ends">The client's end and the server's.</param>
/// <param name="history">What happened.</param>
/// <param name="startsInOrder">One thread made all calls, so that the order in which sends began is the order in which they stand.</param>
internal sealed class ModelOracle(ModelEnd[] ends, ModelHistory history, bool startsInOrder)
{
    /// <summary>Judges a program whose calls have all ended.</summary>
    public void Check()
    {
        foreach (var call in history.Calls)
        {
            CheckCall(call);
        }

        foreach (var end in ends)
        {
            CheckDirection(ends[1 - end.Number], end);
            CheckEnd(ends[1 - end.Number], end);
        }
    }

    /// <summary>Nothing moves any more: does anybody wait for what is there?</summary>
    /// <returns>What is wrong, or <see langword="null"/>.</returns>
    public string? FindStall()
    {
        if (history.Calls.FirstOrDefault(static call => call.Op.Kind == ModelOpKind.TrySend && call.Outcome == ModelOutcome.Pending) is { } trying)
        {
            return $"{trying} waits for room, and must never wait.";
        }

        if (ends.Any(static end => end.EndersBegan != long.MaxValue || !end.Channel.Characteristics.IsReliable))
        {
            return null;
        }

        var calls = history.Calls;
        foreach (var end in ends)
        {
            var waits = calls.Any(call => call.End == end.Number && call.Op.Kind == ModelOpKind.Receive && call.Outcome == ModelOutcome.Pending);
            if (!waits)
            {
                continue;
            }

            var accepted = calls.Where(call => call.End != end.Number && call.Op.IsSend && call.Outcome == ModelOutcome.Done).Sum(static call => call.Op.Sizes.Count);
            if (accepted > end.Received.Count)
            {
                return string.Create(CultureInfo.InvariantCulture, $"{end.Name} waits for a message, has received {end.Received.Count}, and {accepted} were accepted by its peer: nothing moves.");
            }

            if (calls.FirstOrDefault(call => call.End != end.Number && call.Outcome == ModelOutcome.Pending && call.Op.Kind is ModelOpKind.Send or ModelOpKind.Flush) is { } waiting)
            {
                return $"{end.Name} waits for a message while its peer's {waiting} waits for room: nothing moves.";
            }
        }

        return null;
    }

    private void CheckCall(ModelCall call)
    {
        switch (call.Outcome)
        {
            case ModelOutcome.Unexpected:
                history.Violate($"{call} ended with {call.Error!.GetType().Name}, which the contract does not know: {call.Error.Message}");
                break;
            case ModelOutcome.Done when call.Op.Kind == ModelOpKind.SendTooLarge:
                history.Violate($"{call} was accepted, though over the limit.");
                break;
            case ModelOutcome.Closed when call.Op.Kind is ModelOpKind.Close or ModelOpKind.Dispose or ModelOpKind.Abort:
                history.Violate($"{call} threw {call.Error!.GetType().Name}; ending never throws for a connection that is gone.");
                break;
            case ModelOutcome.Done when call.Op.Cancel == ModelCancel.Before && call.Op.Kind is ModelOpKind.Send or ModelOpKind.Flush or ModelOpKind.Receive:
                history.Violate($"{call} went on with a token that was cancelled before.");
                break;
            case ModelOutcome.Refused when call.Op.IsSend && !SendingWasCompleted(call):
                history.Violate($"{call} was refused: {call.Error!.Message}");
                break;
            case ModelOutcome.NoRoom:
                CheckNoRoom(call);
                break;
        }
    }

    // That there is no room is said of an open channel only, and not when nothing can be in its way: all that its end has sent was received, and nobody else was sending.
    private void CheckNoRoom(ModelCall tried)
    {
        var end = ends[tried.End];
        if (tried.ClosedBefore)
        {
            history.Violate($"{tried} found no room, though the channel had ended: it should have thrown.");
            return;
        }

        if (!end.Channel.Characteristics.IsReliable)
        {
            return;
        }

        // Flushes and closes use the buffer too.
        var others = history.Calls.Where(call => call != tried && call.End == tried.End && call.Started < tried.Ended && call.Actor.Role != ModelRole.Receiver).ToList();
        if (others.Any(call => call.Ended > tried.Started || (call.Op.IsSend && call.Outcome is not (ModelOutcome.Done or ModelOutcome.NoRoom or ModelOutcome.Cancelled))))
        {
            return;
        }

        var sent = others.Where(static call => call.Op.IsSend && call.Outcome == ModelOutcome.Done).Sum(static call => call.Op.Sizes.Count);
        if (ends[1 - tried.End].Received.Count(received => received.Moment < tried.Started) >= sent)
        {
            history.Violate($"{tried} found no room, though its peer had received all that was sent before.");
        }
    }

    private bool SendingWasCompleted(ModelCall send)
        => history.Calls.Any(call => call.End == send.End && call.Op.Kind == ModelOpKind.CompleteSending && call.Started < send.Ended);

    private void CheckDirection(ModelEnd from, ModelEnd to)
    {
        var sends = history.Calls.Where(call => call.End == from.Number && call.Op.IsSend).ToList();
        var direction = new ModelDirection(from, to, sends, history);
        var characteristics = to.Channel.Characteristics;
        if (!characteristics.IsReliable || !characteristics.IsOrdered)
        {
            direction.CheckOnlySent(characteristics.IsOrdered && characteristics.IsReliable);
            return;
        }

        // An end of its own drops what its receiver has not taken yet, so nothing more can be said.
        var receivedToTheEnd = to.EndSeen is { } seen && to.EndersBegan > seen;
        direction.CheckOrder(wholeBatches: receivedToTheEnd && to.EndError is null);
        direction.CheckFirstInFirstOut(startsInOrder);
        if (!receivedToTheEnd)
        {
            return;
        }

        if (to.EndError is null)
        {
            direction.CheckAllArrived("and yet null told its receiver that all had");
        }
        else if (EndedGracefully(from))
        {
            direction.CheckAllArrived($"though the sender closed gracefully, and the receiver went on to the end ({ModelEnd.Describe(to.EndError)})");
        }
    }

    private void CheckEnd(ModelEnd peer, ModelEnd end)
    {
        var info = end.Channel.Closed.IsCompletedSuccessfully ? end.Channel.Closed.Result : null;
        if (info is null)
        {
            history.Violate($"{end.Name}'s Closed has not completed, though the channel was disposed.");
            return;
        }

        if (end.EndError is MessageFramingException && !Broke(peer))
        {
            history.Violate($"{end.Name} found a broken frame: {end.EndError.Message}");
        }

        if (info.Status is ChannelCloseStatus.ConnectionLost or ChannelCloseStatus.ProtocolError
            && end.Channel.Characteristics.IsReliable
            && !ends.Any(WasCutOff))
        {
            history.Violate($"{end.Name} ended as {info.Status}, though nobody broke the connection: {info.Exception?.Message ?? info.Description}");
        }

        var receivedToTheEnd = end.EndSeen is { } seen && end.EndersBegan > seen;
        if (!receivedToTheEnd || !EndedGracefully(peer) || !end.Channel.Characteristics.IsReliable)
        {
            return;
        }

        var told = peer.Channel.Closed.Result;
        if (peer.Channel.Characteristics.CarriesCloseStatus && info.IsRemote && info.Status != told.Status
            && !(info.Status == ChannelCloseStatus.Normal && HalfClosed(peer)))
        {
            history.Violate($"{peer.Name} closed as {told.Status}; {end.Name.ToLowerInvariant()} ended as {info.Status}: {info.Exception?.Message ?? info.Description}");
        }

        if (peer.Channel.Characteristics.CarriesCloseStatus && end.EndError is not null && told.Status is (ChannelCloseStatus.Normal or ChannelCloseStatus.GoingAway))
        {
            history.Violate($"{peer.Name} closed as {told.Status}; {end.Name.ToLowerInvariant()}'s receive ended with {end.EndError.GetType().Name} instead of null: {end.EndError.Message}");
        }
    }

    // A half-close may have been its last word, as that of a gRPC client is.
    private bool HalfClosed(ModelEnd end) => history.Calls.Any(call => call.End == end.Number && call.Op.Kind == ModelOpKind.CompleteSending);

    // Closed or disposed, and neither cut off by the clock nor by an abort.
    private bool EndedGracefully(ModelEnd end)
        => end.Channel.Closed is { IsCompletedSuccessfully: true, Result: { IsRemote: false } info }
        && info.Status is not (ChannelCloseStatus.Aborted or ChannelCloseStatus.TimedOut or ChannelCloseStatus.ConnectionLost or ChannelCloseStatus.ProtocolError)
        && !Broke(end);

    private bool Broke(ModelEnd end)
        => WasCutOff(end) || end.Channel.Closed is { IsCompletedSuccessfully: true, Result.Status: ChannelCloseStatus.ConnectionLost };

    // By its own abort, or by a close that gave up.
    private bool WasCutOff(ModelEnd end)
        => history.Calls.Any(call => call.End == end.Number && (call.Op.Kind == ModelOpKind.Abort || (call.Op.Kind == ModelOpKind.Close && call.Outcome == ModelOutcome.Cancelled)))
        || end.Channel.Closed is { IsCompletedSuccessfully: true, Result.Status: ChannelCloseStatus.Aborted or ChannelCloseStatus.TimedOut };
}
