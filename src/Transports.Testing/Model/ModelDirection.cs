namespace Transports.Testing;

/// <summary>The messages of one direction: what was sent, and how it ended, against what was received.</summary>
internal sealed class ModelDirection
{
    private readonly ModelEnd _from;
    private readonly ModelEnd _to;
    private readonly ModelHistory _history;
    private readonly List<ModelCall> _sends;
    private readonly Dictionary<(int Sender, int Step), ModelCall> _byMark;

    // The moment each send's first message was received, in the order of arrival.
    private readonly List<(ModelCall Send, int Place)> _arrived = [];

    public ModelDirection(ModelEnd from, ModelEnd to, List<ModelCall> sends, ModelHistory history)
    {
        (_from, _to, _sends, _history) = (from, to, sends, history);
        _byMark = sends.ToDictionary(static send => (send.Actor.Number, send.Step));
    }

    /// <summary>Gaps, and where the transport says so doubles and any order, but nothing that was not sent.</summary>
    public void CheckOnlySent(bool once)
    {
        var seen = new HashSet<ModelMark>();
        foreach (var message in _to.Received)
        {
            if (message.Mark is { } mark)
            {
                Find(mark);
                if (once && !seen.Add(mark))
                {
                    _history.Violate($"{_to.Name} received {mark} twice.");
                }
            }
        }
    }

    /// <summary>What was received is an interleaving of the beginnings of what each sender sent, with batches whole and in one piece.</summary>
    public void CheckOrder(bool wholeBatches)
    {
        var expected = _sends
            .Where(static send => send.MayArrive)
            .GroupBy(static send => send.Actor.Number)
            .ToDictionary(static sender => sender.Key, static sender => new Queue<ModelCall>(sender.OrderBy(send => send.Step)));
        var received = _to.Received;
        for (var i = 0; i < received.Count;)
        {
            ModelCall? send;
            if (received[i].Mark is { } mark)
            {
                send = Find(mark);
                if (send is null)
                {
                    return;
                }

                if (mark.Index != 0)
                {
                    _history.Violate($"{_to.Name} received {mark}, which is not the first of its batch, apart from it.");
                    return;
                }
            }
            else
            {
                // Only the first sender sends lone messages of no bytes.
                send = expected.Values.Select(static queue => queue.TryPeek(out var next) ? next : null).FirstOrDefault(static next => next is { Op.Sizes: [0] });
                if (send is null)
                {
                    _history.Violate($"{_to.Name} received an empty message that nobody sent, as message {i}.");
                    return;
                }
            }

            if (!expected.TryGetValue(send.Actor.Number, out var queue) || !queue.TryDequeue(out var next) || next != send)
            {
                _history.Violate($"{_to.Name} received {send} as message {i}: it came twice, out of order, or what its sender sent before it did not come.");
                return;
            }

            _arrived.Add((send, i));
            for (var k = 0; k < send.Op.Sizes.Count; k++, i++)
            {
                if (i == received.Count)
                {
                    if (wholeBatches)
                    {
                        _history.Violate($"{_to.Name} received {k} of the {send.Op.Sizes.Count} messages of {send}, and then the end.");
                    }

                    return;
                }

                ModelMark? part = send.Op.Sizes[k] == 0 ? null : new ModelMark(_from.Number, send.Actor.Number, send.Step, k);
                if (received[i].Mark != part)
                {
                    _history.Violate($"{_to.Name} received {received[i]} inside the batch {send}.");
                    return;
                }
            }
        }
    }

    /// <summary>A send that had completed before another began arrives before it; with one thread, one that began before.</summary>
    public void CheckFirstInFirstOut(bool startsInOrder)
    {
        var place = _arrived.ToDictionary(static arrived => arrived.Send, static arrived => arrived.Place);
        var last = _arrived.Count == 0 ? -1 : _arrived[^1].Place;
        foreach (var earlier in _sends.Where(static send => send.Outcome == ModelOutcome.Done))
        {
            var at = place.TryGetValue(earlier, out var found) ? found : int.MaxValue;
            if (at == int.MaxValue && last < 0)
            {
                continue;
            }

            foreach (var (later, laterAt) in _arrived)
            {
                var before = startsInOrder ? earlier.Started < later.Started : earlier.Ended < later.Started;
                if (before && at > laterAt)
                {
                    _history.Violate($"{_to.Name} received {later} and not before it {earlier}, which was sent first.");
                    return;
                }
            }
        }
    }

    /// <summary>Everything accepted was received.</summary>
    public void CheckAllArrived(string why)
    {
        var arrived = _arrived.Select(static one => one.Send).ToHashSet();
        var missing = _sends.Where(send => send.Outcome == ModelOutcome.Done && !arrived.Contains(send)).ToList();
        if (missing.Count > 0)
        {
            _history.Violate($"{missing.Count} sends of {_from.Name.ToLowerInvariant()} were accepted and not received, the first {missing[0]}, {why}.");
        }
    }

    private ModelCall? Find(ModelMark mark)
    {
        if (mark.End != _from.Number || !_byMark.TryGetValue((mark.Sender, mark.Step), out var send))
        {
            _history.Violate($"{_to.Name} received {mark}, which its peer did not send.");
            return null;
        }

        if (!send.MayArrive)
        {
            _history.Violate($"{_to.Name} received {mark}, whose send was {send.Outcome}: {send}.");
            return null;
        }

        return send;
    }
}
