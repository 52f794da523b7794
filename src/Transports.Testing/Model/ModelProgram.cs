namespace Transports.Testing;

/// <summary>A random program for both ends at once. The seed and the limits give it whole.</summary>
internal sealed class ModelProgram
{
    private readonly ModelLimits _limits;

    public ModelProgram(int seed, ModelLimits limits)
    {
        Seed = seed;
        _limits = limits;
        var random = new Random(seed);
        Actors = [CreateEnd(0, random), CreateEnd(1, random)];
    }

    public int Seed { get; }

    /// <summary>The actors of the client's end and those of the server's.</summary>
    public IReadOnlyList<ModelActor>[] Actors { get; }

    private List<ModelActor> CreateEnd(int end, Random random)
    {
        var actors = new List<ModelActor>();
        var steps = 0;
        if (_limits.CanSend(end))
        {
            var senders = random.Next(1, 5);
            for (var i = 0; i < senders; i++)
            {
                var ops = CreateSends(end, i, random);
                steps += ops.Count;
                actors.Add(new ModelActor(ModelRole.Sender, actors.Count, ops, random.Next()));
            }
        }

        if (_limits.CanSend(1 - end))
        {
            actors.Add(CreateReceiver(actors.Count, random));
        }

        // Mostly one; two to race.
        var enders = random.Next(6) == 0 ? 2 : 1;
        for (var i = 0; i < enders; i++)
        {
            int? after = random.Next(3) == 0 ? random.Next(steps + 1) : null;
            actors.Add(new ModelActor(ModelRole.Ender, actors.Count, CreateEnd(end, random, after is null), random.Next()) { After = after });
        }

        return actors;
    }

    private List<ModelOp> CreateSends(int end, int sender, Random random)
    {
        var ops = new List<ModelOp>();
        var count = random.Next(1, _limits.MaxSteps + 1);
        var cancels = random.Next(3) == 0 ? 3 : 20;
        for (var i = 0; i < count; i++)
        {
            var cancel = random.Next(cancels) switch
            {
                0 => ModelCancel.Later,
                1 when random.Next(4) == 0 => ModelCancel.Before,
                _ => ModelCancel.Never,
            };
            var kind = random.Next(2) == 0 ? MessageKind.Text : MessageKind.Binary;
            ops.Add(random.Next(20) switch
            {
                0 or 1 => new ModelOp(ModelOpKind.Flush) { Cancel = cancel },
                2 => new ModelOp(ModelOpKind.SendTooLarge) { Sizes = random.Next(2) == 0 ? [_limits.Of(end).MaxMessageSize + 1] : [ModelPayload.MinSize, _limits.Of(end).MaxMessageSize + 1] },
                < 7 => new ModelOp(ModelOpKind.Send) { Sizes = CreateBatch(random), MessageKind = kind, InPieces = random.Next(4) == 0, Cancel = cancel },

                8 or 9 or 10 => new ModelOp(ModelOpKind.TrySend) { Sizes = [CreateSize(random)], MessageKind = kind, InPieces = random.Next(4) == 0 },

                // A message of no bytes does not say whose it is, so outside of batches one sender alone sends any.
                7 when sender == 0 => new ModelOp(ModelOpKind.Send) { Sizes = [0], MessageKind = kind, Cancel = cancel },
                _ => new ModelOp(ModelOpKind.Send) { Sizes = [CreateSize(random)], MessageKind = kind, InPieces = random.Next(4) == 0, Cancel = cancel },
            });
        }

        return ops;
    }

    private int[] CreateBatch(Random random)
    {
        // Small, so that a datagram transport takes one too; the first says whose it is.
        var sizes = new int[random.Next(2, 6)];
        sizes[0] = CreateSize(random);
        for (var i = 1; i < sizes.Length; i++)
        {
            sizes[i] = random.Next(4) == 0 ? 0 : CreateSize(random);
        }

        return sizes;
    }

    private int CreateSize(Random random)
    {
        var most = _limits.MaxMessageSize;
        return random.Next(20) switch
        {
            0 => most,
            1 => random.Next(ModelPayload.MinSize, most + 1),
            < 5 => random.Next(ModelPayload.MinSize, Math.Min(2000, most) + 1),
            _ => random.Next(ModelPayload.MinSize, Math.Min(200, most) + 1),
        };
    }

    private ModelActor CreateReceiver(int number, Random random)
    {
        var ops = new List<ModelOp>();
        var count = random.Next(0, _limits.MaxSteps);
        for (var i = 0; i < count; i++)
        {
            ops.Add(random.Next(10) switch
            {
                0 => new ModelOp(ModelOpKind.Retain),
                1 or 2 => new ModelOp(ModelOpKind.ReadLent),
                < 6 => new ModelOp(ModelOpKind.TryReceive),
                6 => new ModelOp(ModelOpKind.Receive) { Cancel = ModelCancel.Later },
                _ => new ModelOp(ModelOpKind.Receive),
            });
        }

        // Present, resting before it reads to the end, or gone for good (some without ever having received).
        return random.Next(8) switch
        {
            0 => new ModelActor(ModelRole.Receiver, number, [], random.Next()),
            1 => new ModelActor(ModelRole.Receiver, number, ops, random.Next()),
            2 or 3 => new ModelActor(ModelRole.Receiver, number, ops, random.Next()) { Drains = true, Rests = true },
            _ => new ModelActor(ModelRole.Receiver, number, ops, random.Next()) { Drains = true },
        };
    }

    private List<ModelOp> CreateEnd(int end, Random random, bool afterSenders)
    {
        ChannelCloseStatus[] statuses = [ChannelCloseStatus.Normal, ChannelCloseStatus.GoingAway, ChannelCloseStatus.PolicyViolation, ChannelCloseStatus.InternalError];
        var close = new ModelOp(ModelOpKind.Close) { Status = statuses[random.Next(statuses.Length)], Cancel = random.Next(12) == 0 ? ModelCancel.Later : ModelCancel.Never };
        var which = random.Next(10);
        if (which < 4 && (_limits.Of(end).SupportsHalfClose && afterSenders))
        {
            return which == 0 ? [new ModelOp(ModelOpKind.CompleteSending), close] : [new ModelOp(ModelOpKind.CompleteSending)];
        }

        return which switch
        {
            4 or 5 => [new ModelOp(ModelOpKind.Dispose)],
            6 => [new ModelOp(ModelOpKind.Abort)],
            7 => [new ModelOp(ModelOpKind.CompleteSending), close],
            _ => [close],
        };
    }
}
