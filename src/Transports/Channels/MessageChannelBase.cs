using System.Buffers;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using Microsoft.Extensions.Logging;

namespace Transports;

/// <summary>
/// Keeps the promises of <see cref="IMessageChannel"/> once, for every transport: the states, the single receiver, the loan
/// guard, the size limit, close-once. A transport overrides the <c>Core</c> members.
/// </summary>
/// <remarks>
/// <para>A channel ends once, through <see cref="CloseAsync"/>, <see cref="Abort"/>, or <see cref="End"/> called by the
/// transport for what the peer or the network did. The first one's <see cref="ChannelCloseInfo"/> stays.</para>
/// <para><see cref="TryReceiveCore"/> and <see cref="WaitToReceiveCoreAsync"/> are called by one thread at a time.
/// <see cref="ReleaseReceiveCore"/> is called once, after the end, with no receive in progress and no loan in force.</para>
/// </remarks>
public abstract class MessageChannelBase : IMessageChannel
{
    private static long s_nextId;

    private readonly TaskCompletionSource<ChannelCloseInfo> _closed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly MessageLoan _loan;
    private readonly Lock _endGate = new();
    private string? _id;
    private readonly long _idNumber;
    private int _receiving;
    private bool _closing;
    private bool _sendingCompleted;
    private bool _sendingEnded;
    private bool _peerFinished;
    private bool _disposed;
    private bool _receiveReleased;
    private ChannelCloseInfo? _closeInfo;
    private Exception? _receiveError;
    private Task? _closeTask;
    private ChannelCloseInfo? _localClose;

    /// <summary>An open channel.</summary>
    /// <param name="context">What the channel is told about itself.</param>
    protected MessageChannelBase(MessageChannelContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        Context = context;
        Options = context.Options;
        _loan = new MessageLoan(Options.BufferPool);
        MaxMessageSize = Math.Min(context.Characteristics.MaxMessageSize, Options.MaxMessageSize);
        InitialCharacteristics = MaxMessageSize == context.Characteristics.MaxMessageSize
            ? context.Characteristics
            : context.Characteristics with { MaxMessageSize = MaxMessageSize };
        LocalAddress = WithoutUserInfo(context.LocalAddress);
        RemoteAddress = WithoutUserInfo(context.RemoteAddress);
        _idNumber = Interlocked.Increment(ref s_nextId);
    }

    /// <inheritdoc/>
    public string Id => _id ??= string.Create(CultureInfo.InvariantCulture, $"{Context.Transport}-{_idNumber:x8}");

    /// <inheritdoc/>
    public virtual Uri? LocalAddress { get; }

    /// <inheritdoc/>
    public virtual Uri? RemoteAddress { get; }

    /// <inheritdoc/>
    public virtual ChannelCharacteristics Characteristics => InitialCharacteristics;

    /// <inheritdoc/>
    public Task<ChannelCloseInfo> Closed => _closed.Task;

    /// <summary>What the channel was told about itself.</summary>
    protected MessageChannelContext Context { get; }

    /// <summary>Limits and services.</summary>
    protected MessageChannelOptions Options { get; }

    /// <summary>Where this channel logs.</summary>
    protected ILogger Logger => Context.Logger;

    /// <summary>The largest message in bytes, both ways.</summary>
    protected int MaxMessageSize { get; }

    /// <summary>How the channel ended, or <see langword="null"/> while it has not.</summary>
    protected ChannelCloseInfo? CloseInfo => Volatile.Read(ref _closeInfo);

    /// <summary><see langword="true"/> once a local close, an abort or an end has begun.</summary>
    protected bool IsClosing => Volatile.Read(ref _closing) || CloseInfo is not null;

    /// <summary><see langword="true"/> once the peer has finished and everything it sent was received.</summary>
    protected bool PeerFinished => Volatile.Read(ref _peerFinished);

    private ChannelCharacteristics InitialCharacteristics { get; }

    /// <inheritdoc/>
    public ValueTask SendAsync(Message message, CancellationToken cancellationToken = default)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled(cancellationToken);
        }

        var refusal = RefuseSend() ?? RefuseSize(message.Length);
        return refusal is null ? SendCoreAsync(message, cancellationToken) : ValueTask.FromException(refusal);
    }

    /// <inheritdoc/>
    public ValueTask SendAsync(ReadOnlyMemory<Message> batch, CancellationToken cancellationToken = default)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled(cancellationToken);
        }

        var refusal = RefuseSend();
        if (refusal is null)
        {
            foreach (ref readonly var message in batch.Span)
            {
                refusal = RefuseSize(message.Length);
                if (refusal is not null)
                {
                    break;
                }
            }
        }

        if (refusal is not null)
        {
            return ValueTask.FromException(refusal);
        }

        return batch.IsEmpty ? ValueTask.CompletedTask : SendBatchCoreAsync(batch, cancellationToken);
    }

    /// <inheritdoc/>
    public ValueTask FlushAsync(CancellationToken cancellationToken = default)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled(cancellationToken);
        }

        return CloseInfo is { } info
            ? ValueTask.FromException(new MessageChannelClosedException(info))
            : FlushCoreAsync(cancellationToken);
    }

    /// <inheritdoc/>
    public ValueTask<Message?> ReceiveAsync(CancellationToken cancellationToken = default)
    {
        EnterReceive();
        if (cancellationToken.IsCancellationRequested)
        {
            ExitReceive();
            return ValueTask.FromCanceled<Message?>(cancellationToken);
        }

        try
        {
            if (!_peerFinished && !IsClosing && TryReceiveCore(out var payload, out var kind))
            {
                var message = _loan.Lend(payload, kind);
                ExitReceive();
                return new ValueTask<Message?>(message);
            }
        }
        catch (Exception e)
        {
            FaultReceive(e);
        }

        return ReceiveSlowAsync(cancellationToken);
    }

    /// <inheritdoc/>
    public bool TryReceive(out Message message)
    {
        EnterReceive();
        try
        {
            if (!_peerFinished && !IsClosing && TryReceiveCore(out var payload, out var kind))
            {
                message = _loan.Lend(payload, kind);
                return true;
            }
        }
        catch (Exception e)
        {
            FaultReceive(e);
        }
        finally
        {
            ExitReceive();
        }

        message = default;
        return false;
    }

    /// <inheritdoc/>
    public ValueTask CompleteSendingAsync(CancellationToken cancellationToken = default)
    {
        if (!Characteristics.SupportsHalfClose)
        {
            return ValueTask.FromException(new NotSupportedException(
                $"{Context.Transport} has no half-close. Send a message that says you are done, or use CloseAsync, or a transport whose Characteristics.SupportsHalfClose is true."));
        }

        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled(cancellationToken);
        }

        lock (_endGate)
        {
            if (IsClosing)
            {
                return ValueTask.FromException(ClosedException());
            }

            if (_sendingCompleted)
            {
                return ValueTask.CompletedTask;
            }

            Volatile.Write(ref _sendingCompleted, true);
        }

        var completing = CompleteSendingCoreAsync(cancellationToken);
        if (!completing.IsCompletedSuccessfully)
        {
            return CompleteSendingSlowAsync(completing);
        }

        completing.GetAwaiter().GetResult();
        MarkSendingEnded();
        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    public ValueTask CloseAsync(
        ChannelCloseStatus status = ChannelCloseStatus.Normal,
        string? description = null,
        CancellationToken cancellationToken = default)
    {
        if (!Enum.IsDefined(status))
        {
            return ValueTask.FromException(new ArgumentOutOfRangeException(nameof(status), status, "Not a defined ChannelCloseStatus."));
        }

        if (CloseInfo is not null)
        {
            return ValueTask.CompletedTask;
        }

        TaskCompletionSource? mine = null;
        Task closing;
        lock (_endGate)
        {
            if (_closeTask is null)
            {
                mine = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                _closeTask = mine.Task;
                _localClose = new ChannelCloseInfo(status, IsRemote: false, description);
                Volatile.Write(ref _closing, true);
            }

            closing = _closeTask;
        }

        if (mine is not null)
        {
            _ = RunCloseAsync(status, description, mine);
        }

        return closing.IsCompleted && !cancellationToken.IsCancellationRequested
            ? new ValueTask(closing)
            : WaitForCloseAsync(closing, cancellationToken);
    }

    /// <inheritdoc/>
    public void Abort(Exception? cause = null)
        => End(new ChannelCloseInfo(ChannelCloseStatus.Aborted, IsRemote: false, Error: cause));

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await CloseAsync().ConfigureAwait(false);
        Volatile.Write(ref _disposed, true);

        // A receiver that leaves just now writes _receiving and then reads _disposed, without a fence between that would cost
        // every message; so the fence is here, for all processors. Without it both could think that the other releases.
        Interlocked.MemoryBarrierProcessWide();
        if (Interlocked.CompareExchange(ref _receiving, 1, 0) == 0)
        {
            ExitReceive();
        }

        GC.SuppressFinalize(this);
    }

    /// <inheritdoc/>
    public virtual TFeature? GetFeature<TFeature>()
        where TFeature : class
        => this as TFeature ?? Context as TFeature;

    /// <summary>Takes a message of an allowed size into the output buffer.</summary>
    /// <param name="message">The message.</param>
    /// <param name="cancellationToken">Gives up waiting for room, and nothing else.</param>
    protected abstract ValueTask SendCoreAsync(Message message, CancellationToken cancellationToken);

    /// <summary>Takes a batch of one or more messages of allowed sizes, with none of others between.</summary>
    /// <param name="batch">The messages.</param>
    /// <param name="cancellationToken">Gives up waiting for room, before the first message is taken.</param>
    protected abstract ValueTask SendBatchCoreAsync(ReadOnlyMemory<Message> batch, CancellationToken cancellationToken);

    /// <summary>Waits until what was accepted has been handed to the operating system.</summary>
    /// <param name="cancellationToken">Gives up waiting, and nothing else.</param>
    protected abstract ValueTask FlushCoreAsync(CancellationToken cancellationToken);

    /// <summary>Takes the next message that has arrived; the loan on the one before is over when this is called.</summary>
    /// <param name="payload">Its payload; stays as it is until the next call of this method or <see cref="WaitToReceiveCoreAsync"/>.</param>
    /// <param name="kind">Its kind.</param>
    /// <returns><see langword="false"/> when there is none.</returns>
    /// <remarks>An exception ends the channel: <see cref="MessageTooLargeException"/> with MessageTooLarge, <see cref="MessageFramingException"/> with ProtocolError.</remarks>
    protected abstract bool TryReceiveCore(out ReadOnlySequence<byte> payload, out MessageKind kind);

    /// <summary>Waits until <see cref="TryReceiveCore"/> may find a message.</summary>
    /// <param name="cancellationToken">Gives up waiting, and nothing else.</param>
    /// <returns><see langword="false"/> when the peer has finished and nothing is left.</returns>
    /// <remarks>Must wake up when the channel ends: see <see cref="OnEnded"/>; what it returns then does not matter.</remarks>
    protected abstract ValueTask<bool> WaitToReceiveCoreAsync(CancellationToken cancellationToken);

    /// <summary>Flushes and tells the peer that no more will come. Called once at most.</summary>
    /// <param name="cancellationToken">Gives up waiting; the half-close happens all the same.</param>
    protected virtual ValueTask CompleteSendingCoreAsync(CancellationToken cancellationToken)
        => ValueTask.FromException(new NotSupportedException());

    /// <summary>Flushes, tells the peer, and gives the connection back. Called once at most; a receive may be waiting.</summary>
    /// <param name="status">The reason.</param>
    /// <param name="description">A text for the peer.</param>
    /// <param name="cancellationToken">Cancelled at the close timeout or by an abort. The channel is aborted then.</param>
    protected abstract ValueTask CloseCoreAsync(ChannelCloseStatus status, string? description, CancellationToken cancellationToken);

    /// <summary>Gives the connection up at once. Called once at most, and not after a close that went well; must not throw.</summary>
    /// <param name="info">Why.</param>
    protected abstract void AbortCore(ChannelCloseInfo info);

    /// <summary>The local close has begun, or the channel has ended: wake a waiting receive. May be called several times, from any thread; must not throw.</summary>
    protected abstract void OnEnded();

    /// <summary>Gives receive buffers back. See the remarks of this class.</summary>
    protected virtual void ReleaseReceiveCore()
    {
    }

    /// <summary>For the transport: the peer or the network has ended the channel, or its rules were broken. Keeps the first end only.</summary>
    /// <param name="info">How it ended.</param>
    /// <param name="error">What a receive throws from now on; by default a <see cref="MessageChannelClosedException"/> with <paramref name="info"/>.</param>
    /// <returns><see langword="false"/> when the channel had ended before.</returns>
    protected bool End(ChannelCloseInfo info, Exception? error = null) => EndOnce(info, error, abort: true);

    /// <summary>
    /// For the transport: the peer has closed in order, both ways, so there is nothing to abort; the transport has given its
    /// connection back, or does so itself. What has arrived can still be received.
    /// </summary>
    /// <param name="info">How it ended.</param>
    /// <returns><see langword="false"/> when the channel had ended before.</returns>
    protected bool EndByPeer(ChannelCloseInfo info) => EndOnce(info, null, abort: false);

    /// <summary>Why a send cannot be done now, or <see langword="null"/>.</summary>
    protected Exception? RefuseSend()
    {
        if (IsClosing)
        {
            return ClosedException();
        }

        if (Volatile.Read(ref _sendingCompleted))
        {
            return new InvalidOperationException("CompleteSendingAsync was called, so nothing more can be sent on this channel.");
        }

        return Characteristics.Direction == ChannelDirection.UnidirectionalReceive
            ? new NotSupportedException($"This {Context.Transport} channel only receives; see Characteristics.Direction.")
            : null;
    }

    /// <summary>The exception for calls on a channel that has ended or is closing.</summary>
    protected MessageChannelClosedException ClosedException()
        => new(CloseInfo ?? Volatile.Read(ref _localClose) ?? new ChannelCloseInfo(ChannelCloseStatus.Normal, IsRemote: false));

    // A wait that is given up must not be reported as unobserved when what was waited for fails later.
    private protected static void Observe(Task task) => _ = task.ContinueWith(
        static task => task.Exception,
        CancellationToken.None,
        TaskContinuationOptions.OnlyOnFaulted | TaskContinuationOptions.ExecuteSynchronously,
        TaskScheduler.Default);

    private static Uri? WithoutUserInfo(Uri? address)
        => address is null || address.UserInfo.Length == 0 ? address : new UriBuilder(address) { UserName = "", Password = "" }.Uri;

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<Message?> ReceiveSlowAsync(CancellationToken cancellationToken)
    {
        try
        {
            while (true)
            {
                if (_peerFinished)
                {
                    return null;
                }

                // A remote end that is clean lets what has arrived be read; every other end is final at once.
                var info = CloseInfo;
                if (info is null ? Volatile.Read(ref _closing) : !IsCleanRemote(info))
                {
                    ThrowEnded();
                }

                var mayHaveMore = await WaitToReceiveCoreAsync(cancellationToken).ConfigureAwait(false);
                if (IsClosing && !(CloseInfo is { } ended && IsCleanRemote(ended)))
                {
                    continue;
                }

                if (TryReceiveCore(out var payload, out var kind))
                {
                    return _loan.Lend(payload, kind);
                }

                if (!mayHaveMore)
                {
                    Volatile.Write(ref _peerFinished, true);
                    CloseWhenBothFinished();
                }
            }
        }
        catch (Exception e) when (e is not OperationCanceledException || !cancellationToken.IsCancellationRequested)
        {
            FaultReceive(e);
            ThrowEnded();
            throw;
        }
        finally
        {
            ExitReceive();
        }
    }

    private async ValueTask CompleteSendingSlowAsync(ValueTask completing)
    {
        await completing.ConfigureAwait(false);
        MarkSendingEnded();
    }

    private protected void MarkSendingEnded()
    {
        Volatile.Write(ref _sendingEnded, true);
        CloseWhenBothFinished();
    }

    // Both directions have ended by themselves, so the channel has: nobody should have to say so to get its connection back.
    private void CloseWhenBothFinished()
    {
        // Each side has written its flag and now reads the other's: without a fence both could miss it.
        Interlocked.MemoryBarrier();
        if (Volatile.Read(ref _sendingEnded) && Volatile.Read(ref _peerFinished) && CloseInfo is null)
        {
            // Never throws without a token; waits for nothing but the transport.
            _ = CloseAsync().AsTask();
        }
    }

    private static bool IsCleanRemote(ChannelCloseInfo info)
        => info.IsRemote && info.Status is (ChannelCloseStatus.Normal or ChannelCloseStatus.GoingAway);

    private void ThrowEnded()
    {
        if (Volatile.Read(ref _receiveError) is { } error)
        {
            ExceptionDispatchInfo.Throw(error);
        }

        throw ClosedException();
    }

    private void FaultReceive(Exception error)
    {
        if (Volatile.Read(ref _closing) && CloseInfo is null)
        {
            // A close is under way and has woken this receive. Ending the channel here would abort the connection, and lose
            // what the close is still flushing; it ends the channel itself.
            return;
        }

        var info = error switch
        {
            MessageTooLargeException => new ChannelCloseInfo(ChannelCloseStatus.MessageTooLarge, IsRemote: false, error.Message, Error: error),
            MessageFramingException => new ChannelCloseInfo(ChannelCloseStatus.ProtocolError, IsRemote: false, error.Message, Error: error),
            MessageChannelClosedException closed => closed.CloseInfo,
            _ => new ChannelCloseInfo(ChannelCloseStatus.InternalError, IsRemote: false, error.Message, Error: error),
        };
        End(info, error);
    }

    private Exception? RefuseSize(long size)
        => size > MaxMessageSize ? new MessageTooLargeException(size, MaxMessageSize) : null;

    private void EnterReceive()
    {
        if (InitialCharacteristics.Direction == ChannelDirection.UnidirectionalSend)
        {
            throw new NotSupportedException($"This {Context.Transport} channel only sends; see Characteristics.Direction. Await Closed to know when the peer has left.");
        }

        if (Interlocked.CompareExchange(ref _receiving, 1, 0) != 0)
        {
            if (Volatile.Read(ref _disposed))
            {
                // It may be the dispose that is inside, which gives the buffers back.
                throw ClosedException();
            }

            throw new InvalidOperationException(
                "Another receive is in progress on this channel. One caller receives at a time: await the first, or hand its messages on.");
        }

        // The loan on the message handed out last ends here, before its memory can be touched.
        _loan.End();
    }

    private void ExitReceive()
    {
        if (!Volatile.Read(ref _disposed))
        {
            Volatile.Write(ref _receiving, 0);

            // Dispose may have come between the check and the write, and found the receiver still inside.
            if (!Volatile.Read(ref _disposed) || Interlocked.CompareExchange(ref _receiving, 1, 0) != 0)
            {
                return;
            }
        }

        if (!_receiveReleased)
        {
            _receiveReleased = true;
            _loan.End();
            ReleaseReceiveCore();
        }

        Volatile.Write(ref _receiving, 0);
    }

    private bool EndOnce(ChannelCloseInfo info, Exception? error, bool abort)
    {
        lock (_endGate)
        {
            if (_closeInfo is not null)
            {
                return false;
            }

            _receiveError = error;
            Volatile.Write(ref _closeInfo, info);
        }

        Log.ChannelEnded(Logger, this, info);
        if (abort)
        {
            AbortCore(info);
        }

        OnEnded();
        _closed.TrySetResult(info);
        return true;
    }

    private async Task RunCloseAsync(ChannelCloseStatus status, string? description, TaskCompletionSource completion)
    {
        try
        {
            OnEnded();
            using var timeout = new CancellationTokenSource(Options.CloseTimeout, Options.TimeProvider);
            var closing = CloseCoreAsync(status, description, timeout.Token);
            if (closing.IsCompletedSuccessfully)
            {
                closing.GetAwaiter().GetResult();
            }
            else
            {
                // An abort from elsewhere ends the wait too.
                var task = closing.AsTask();
                Observe(task);
                await Task.WhenAny(task, _closed.Task).ConfigureAwait(false);
                if (task.IsCompleted)
                {
                    await task.ConfigureAwait(false);
                }
            }

            // A peer that finished first is the one that ended it; closing after it is only the answer.
            EndOnce(new ChannelCloseInfo(status, IsRemote: PeerFinished && status == ChannelCloseStatus.Normal, description), null, abort: false);
        }
        catch (OperationCanceledException e)
        {
            End(new ChannelCloseInfo(ChannelCloseStatus.TimedOut, IsRemote: false, "The graceful close took longer than CloseTimeout, so the channel was aborted.", Error: e));
        }
        catch (Exception e)
        {
            End(e is MessageChannelClosedException closed
                ? closed.CloseInfo
                : new ChannelCloseInfo(ChannelCloseStatus.ConnectionLost, IsRemote: true, Error: e));
        }
        finally
        {
            completion.TrySetResult();
        }
    }

    private async ValueTask WaitForCloseAsync(Task closing, CancellationToken cancellationToken)
    {
        try
        {
            await closing.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException e)
        {
            Abort(e);
            throw;
        }
    }
}
