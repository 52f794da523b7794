using System.Buffers;

namespace Transports.Testing;

/// <summary>One end of the connection under test: makes the calls of a program and keeps what came of them.</summary>
internal sealed class ModelEnd(int number, IMessageChannel channel, int seed, ModelHistory history)
{
    private readonly List<ReceivedMessage> _received = [];
    private readonly List<(RetainedMessage Kept, byte[] Expected)> _kept = [];
    private LentMessage? _lent;
    private long _endersBegan = long.MaxValue;

    public int Number => number;

    public string Name => number == 0 ? "The client" : "The server";

    public IMessageChannel Channel => channel;

    /// <summary>What this end received, in order. Written by the single receiver.</summary>
    public IReadOnlyList<ReceivedMessage> Received => _received;

    /// <summary>When the receiver saw the end; <see langword="null"/> while it has not.</summary>
    public long? EndSeen { get; private set; }

    /// <summary>The exception that told the end, or <see langword="null"/> for an orderly one.</summary>
    public Exception? EndError { get; private set; }

    /// <summary>When this end's first close, abort or dispose began.</summary>
    public long EndersBegan => Volatile.Read(ref _endersBegan);

    /// <summary>The peer can end one direction only, so that an orderly end need not be the channel's.</summary>
    public bool PeerHalfCloses { get; init; }

    /// <summary>A message that the harness sent to be heard at all, and that is no part of the program.</summary>
    public byte[]? Greeting { get; init; }

    public async Task ExecuteAsync(ModelCall call)
    {
        var cancel = call.Op.Cancel;
        var source = cancel == ModelCancel.Never ? null : call.Source = new CancellationTokenSource();
        if (cancel == ModelCancel.Before)
        {
            source!.Cancel();
        }

        var token = source?.Token ?? default;
        history.Start(call);
        try
        {
            call.ClosedBefore = channel.Closed.IsCompleted;
            await CallAsync(call, token).ConfigureAwait(false);
            AfterCall(call);
            history.End(call, call.FoundNoRoom ? ModelOutcome.NoRoom : ModelOutcome.Done, null);
        }
        catch (Exception e)
        {
            AfterCall(call);
            history.End(call, Judge(call, e, token), e);
        }
    }

    /// <summary>Looks whether the lent message is still what was received.</summary>
    public void CheckLent(string when)
    {
        if (_lent is not { } lent || lent.IsIntact)
        {
            return;
        }

        history.Violate($"{Name}'s lent message of {lent.Expected.Length} bytes no longer holds what was received, {when}.");

        _lent = null;
    }

    /// <summary>The channels are gone: what was kept must still be there.</summary>
    public void CheckKept()
    {
        CheckLent("after both ends were disposed");
        foreach (var (kept, expected) in _kept)
        {
            if (!kept.Message.ToArray().AsSpan().SequenceEqual(expected))
            {
                history.Violate($"{Name}'s retained message of {expected.Length} bytes no longer holds what was received.");
            }

            kept.Dispose();
        }

        _kept.Clear();
    }

    private static ModelOutcome Judge(ModelCall call, Exception error, CancellationToken token) => error switch
    {
        OperationCanceledException when token.IsCancellationRequested => ModelOutcome.Cancelled,
        MessageChannelClosedException => ModelOutcome.Closed,
        MessageTooLargeException when call.Op.Kind == ModelOpKind.SendTooLarge => ModelOutcome.Refused,
        InvalidOperationException when call.Op.IsSend || call.Op.Kind == ModelOpKind.SendTooLarge => ModelOutcome.Refused,
        NotSupportedException when call.Op.Kind == ModelOpKind.CompleteSending => ModelOutcome.Refused,
        MessageFramingException when call.Op.Kind == ModelOpKind.Receive => ModelOutcome.Closed,
        _ => ModelOutcome.Unexpected,
    };

    // The first thing that runs when a call has ended: where it runs is part of the contract.
    private void AfterCall(ModelCall call)
    {
        if (EnderStack.Inside is { } ender)
        {
            history.Violate($"{call} went on inside {ender}: the code that waits for a call runs on the stack of whoever ends the channel, and holds it up.");
        }
    }

    private ValueTask CallAsync(ModelCall call, CancellationToken token) => call.Op.Kind switch
    {
        ModelOpKind.Send or ModelOpKind.TrySend or ModelOpKind.SendTooLarge => SendAsync(call, token),
        ModelOpKind.Flush => channel.FlushAsync(token),
        ModelOpKind.Receive => ReceiveAsync(token),
        ModelOpKind.TryReceive => TryReceive(),
        ModelOpKind.ReadLent => ReadLent(),
        ModelOpKind.Retain => Retain(),
        ModelOpKind.CompleteSending => channel.CompleteSendingAsync(token),
        _ => EndAsync(call, token),
    };

    private async ValueTask SendAsync(ModelCall call, CancellationToken token)
    {
        var op = call.Op;
        var payloads = new List<byte[]>();
        var messages = new Message[op.Sizes.Count];
        for (var i = 0; i < messages.Length; i++)
        {
            var bytes = ModelPayload.Create(seed, new ModelMark(number, call.Actor.Number, call.Step, i), op.Sizes[i], op.MessageKind);
            payloads.Add(bytes);
            var middle = bytes.Length / 3;
            messages[i] = op.InPieces && bytes.Length > 3
                ? new Message(Split(bytes, middle), op.MessageKind)
                : new Message(bytes, op.MessageKind);
        }

        try
        {
            if (op.Kind == ModelOpKind.TrySend)
            {
                call.FoundNoRoom = !channel.TrySend(messages[0]);
                return;
            }

            await (messages.Length == 1 ? channel.SendAsync(messages[0], token) : channel.SendAsync(messages, token)).ConfigureAwait(false);
        }
        finally
        {
            // The memory is the caller's again, whichever way the call ended.
            foreach (var bytes in payloads)
            {
                bytes.AsSpan().Fill((byte)'!');
            }

            messages.AsSpan().Clear();
        }
    }

    private static ReadOnlySequence<byte> Split(byte[] bytes, int at) => Pieces.Of(bytes[..at], [], bytes[at..]);

    private async ValueTask ReceiveAsync(CancellationToken token)
    {
        CheckLent("before the next receive");
        var before = _lent;
        _lent = null;
        Message? message;
        try
        {
            message = await channel.ReceiveAsync(token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is MessageChannelClosedException or MessageFramingException or MessageTooLargeException)
        {
            CheckOver(before);
            See(e);
            throw;
        }

        CheckOver(before);
        if (message is { } present)
        {
            Take(present);
        }
        else
        {
            See(null);
        }
    }

    private ValueTask TryReceive()
    {
        CheckLent("before the next receive");
        var before = _lent;
        _lent = null;
        if (channel.TryReceive(out var message))
        {
            Take(message);
        }

        CheckOver(before);
        return default;
    }

    private ValueTask ReadLent()
    {
        CheckLent("while it was lent");
        return default;
    }

    private ValueTask Retain()
    {
        if (_lent is not { } lent)
        {
            return default;
        }

        try
        {
            var kept = lent.Message.Retain();
            _kept.Add((kept, lent.Expected));
        }
        catch (InvalidOperationException) when (EndersBegan != long.MaxValue)
        {
            // The channel was disposed, and the loan with it.
        }

        return default;
    }

    private async ValueTask EndAsync(ModelCall call, CancellationToken token)
    {
        Interlocked.CompareExchange(ref _endersBegan, call.Started, long.MaxValue);
        ValueTask ending = default;
        EnderStack.Enter(call.ToString());
        try
        {
            switch (call.Op.Kind)
            {
                case ModelOpKind.Close:
                    ending = channel.CloseAsync(call.Op.Status, "the model's close", token);
                    break;
                case ModelOpKind.Dispose:
                    ending = channel.DisposeAsync();
                    break;
                default:
                    channel.Abort();
                    break;
            }
        }
        finally
        {
            EnderStack.Leave();
        }

        await ending.ConfigureAwait(false);
    }

    private void CheckOver(LentMessage? before)
    {
        if (before is null)
        {
            return;
        }

        try
        {
            _ = before.Message.Payload;
            history.Violate($"{Name}'s message can still be read after the next receive.");
        }
        catch (InvalidOperationException)
        {
        }
    }

    private void Take(in Message message)
    {
        if (EndSeen is not null)
        {
            history.Violate($"{Name} received a message after the end.");
        }

        ReadOnlySequence<byte> payload;
        byte[] bytes;
        try
        {
            payload = message.Payload;
            bytes = payload.ToArray();
        }
        catch (InvalidOperationException) when (EndersBegan != long.MaxValue)
        {
            history.Note($"{Name} received a message whose loan ended with the channel");
            return;
        }

        if (bytes.Length == 0)
        {
            _received.Add(new ReceivedMessage(null, history.Note($"{Name} received an empty message")));
            _lent = new LentMessage(message, payload, bytes);
            return;
        }

        if (Greeting is not null && bytes.AsSpan().SequenceEqual(Greeting))
        {
            return;
        }

        if (ModelPayload.Check(seed, payload, out var mark, out var kind) is { } wrong)
        {
            history.Violate($"{Name} received {wrong}.");
            return;
        }

        if (channel.Characteristics.PreservesMessageKind && message.Kind != kind)
        {
            history.Violate($"{Name} received message {mark} as {message.Kind}; it was sent as {kind}.");
        }

        _received.Add(new ReceivedMessage(mark, history.Note($"{Name} received {mark}, {bytes.Length} bytes")));
        _lent = new LentMessage(message, payload, bytes);
    }

    private void See(Exception? error)
    {
        if (EndSeen is not null)
        {
            if (Describe(error) != Describe(EndError))
            {
                history.Violate($"{Name} was told two ends: {Describe(EndError)}, and then {Describe(error)}.");
            }

            return;
        }

        // Where the peer cannot half-close, an orderly end is the channel's, too.
        if (!channel.Closed.IsCompleted
            && (error is not null || !PeerHalfCloses)
            && EndersBegan == long.MaxValue)
        {
            history.Violate($"{Name}'s receive told the end ({Describe(error)}) before Closed had completed.");
        }

        EndError = error;
        EndSeen = history.Note($"{Name} saw the end: {Describe(error)}");
    }

    public static string Describe(Exception? error) => error switch
    {
        null => "null",
        MessageChannelClosedException closed => $"closed as {closed.CloseInfo.Status}",
        _ => error.GetType().Name,
    };
}
