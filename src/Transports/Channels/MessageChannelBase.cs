using System.Diagnostics;
using System.Globalization;
using Microsoft.Extensions.Logging;

namespace Transports.Extensibility;

/// <summary>
/// Keeps the promises of <see cref="IMessageChannel"/> once, for every transport: the states, the single receiver, the loan
/// guard, the size limit, close-once. A transport overrides the <c>Core</c> members.
/// </summary>
/// <remarks>
/// <para>A channel ends once, through <see cref="CloseAsync"/>, <see cref="Abort"/>, or <see cref="Terminate"/> called by the
/// transport for what the peer or the network did. The first one's <see cref="ChannelCloseInfo"/> stays. An end by this side's call drops what was not
/// received; any other is told behind it.</para>
/// <para><see cref="ReceiveCore"/> and <see cref="WaitToReceiveCoreAsync"/> are called by one thread at a time.
/// <see cref="ReleaseReceiveCore"/> is called once, when this side has ended the channel or disposed it, with no receive in progress; never before.</para>
/// </remarks>
[DebuggerDisplay("{ToString(),nq}")]
public abstract partial class MessageChannelBase : IMessageChannel
{
    private static long s_nextId;

    private readonly ChannelLifetime _lifetime = new();
    private readonly long _idNumber;
    private readonly bool _onlyReceives;
    private string? _id;

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
        _onlyReceives = InitialCharacteristics.Direction == ChannelDirection.UnidirectionalReceive;
        LocalAddress = WithoutUserInfo(context.LocalAddress);
        RemoteAddress = WithoutUserInfo(context.RemoteAddress);
        _idNumber = Interlocked.Increment(ref s_nextId);
    }

    /// <inheritdoc/>
    public string Id => _id ??= string.Create(CultureInfo.InvariantCulture, $"{Context.TransportName}-{_idNumber:x8}");

    /// <inheritdoc/>
    public virtual Uri? LocalAddress { get; }

    /// <inheritdoc/>
    public virtual Uri? RemoteAddress { get; }

    /// <inheritdoc/>
    public virtual ChannelCharacteristics Characteristics => InitialCharacteristics;

    /// <inheritdoc/>
    public Task<ChannelCloseInfo> Closed => _lifetime.Closed;

    /// <summary>What the channel was told about itself.</summary>
    protected MessageChannelContext Context { get; }

    /// <summary>Limits and services.</summary>
    protected MessageChannelOptions Options { get; }

    /// <summary>Where this channel logs.</summary>
    protected ILogger Logger => Context.Logger;

    /// <summary>The largest message in bytes, both ways.</summary>
    protected int MaxMessageSize { get; }

    /// <summary>How the channel ended, or <see langword="null"/> while it has not.</summary>
    protected ChannelCloseInfo? CloseInfo => _lifetime.CloseInfo;

    /// <summary><see langword="true"/> once a local close, an abort or an end has begun.</summary>
    protected bool IsClosing => _lifetime.IsClosing;

    /// <summary><see langword="true"/> once the peer has finished and everything it sent was received.</summary>
    protected bool PeerFinished => _lifetime.IsInputFinished;

    private protected ChannelLifetime Lifetime => _lifetime;

    private ChannelCharacteristics InitialCharacteristics { get; }

    /// <inheritdoc/>
    public ValueTask SendAsync(Message message, CancellationToken cancellationToken = default)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled(cancellationToken);
        }

        if (!_lifetime.CanSend || _onlyReceives)
        {
            return ValueTask.FromException(GetSendError() ?? ClosedException());
        }

        return message.Length <= MaxMessageSize
            ? SendCoreAsync(message, cancellationToken)
            : ValueTask.FromException(new MessageTooLargeException(message.Length, MaxMessageSize));
    }

    /// <inheritdoc/>
    public ValueTask SendAsync(ReadOnlyMemory<Message> batch, CancellationToken cancellationToken = default)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled(cancellationToken);
        }

        if (!_lifetime.CanSend || _onlyReceives)
        {
            return ValueTask.FromException(GetSendError() ?? ClosedException());
        }

        foreach (ref readonly var message in batch.Span)
        {
            if (message.Length > MaxMessageSize)
            {
                return ValueTask.FromException(new MessageTooLargeException(message.Length, MaxMessageSize));
            }
        }

        return batch.IsEmpty ? ValueTask.CompletedTask : SendBatchCoreAsync(batch, cancellationToken);
    }

    /// <inheritdoc/>
    public bool TrySend(in Message message)
    {
        if (!_lifetime.CanSend || _onlyReceives)
        {
            throw GetSendError() ?? ClosedException();
        }

        return message.Length <= MaxMessageSize
            ? TrySendCore(message)
            : throw new MessageTooLargeException(message.Length, MaxMessageSize);
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
    public virtual TFeature? GetFeature<TFeature>()
        where TFeature : class
        => this as TFeature ?? Context as TFeature;

    /// <summary>The channel's id, addresses and state, for a debugger or a log.</summary>
    public override string ToString()
    {
        var state = CloseInfo is { } info ? $"closed ({info.Status} by {(info.IsRemote ? "peer" : "this side")})" : IsClosing ? "closing" : "open";
        return $"{Id} {AddressText.Of(LocalAddress)} <-> {AddressText.Of(RemoteAddress)}, {state}";
    }

    /// <summary>Takes a message of an allowed size into the output buffer.</summary>
    /// <param name="message">The message.</param>
    /// <param name="cancellationToken">Gives up waiting for room, and nothing else.</param>
    protected abstract ValueTask SendCoreAsync(in Message message, CancellationToken cancellationToken);

    /// <summary>Takes a message of an allowed size into the output buffer, if there is room for it now and no send waits for any. Must not wait.</summary>
    /// <param name="message">The message.</param>
    /// <returns><see langword="false"/> when nothing was taken.</returns>
    protected abstract bool TrySendCore(in Message message);

    /// <summary>Takes a batch of one or more messages of allowed sizes, with none of others between.</summary>
    /// <param name="batch">The messages.</param>
    /// <param name="cancellationToken">Gives up waiting for room, before the first message is taken.</param>
    protected abstract ValueTask SendBatchCoreAsync(ReadOnlyMemory<Message> batch, CancellationToken cancellationToken);

    /// <summary>Waits until what was accepted has been handed to the operating system.</summary>
    /// <param name="cancellationToken">Gives up waiting, and nothing else.</param>
    protected abstract ValueTask FlushCoreAsync(CancellationToken cancellationToken);

    /// <summary>Why a send cannot be done now, or <see langword="null"/>.</summary>
    protected Exception? GetSendError()
    {
        if (_lifetime.CanSend)
        {
            return _onlyReceives
                ? new NotSupportedException($"This {Context.TransportName} channel only receives; see Characteristics.Direction.")
                : null;
        }

        return !_lifetime.IsClosing && _lifetime.IsOutputCompleting ? SendingCompleted() : ClosedException();
    }

    /// <summary>The exception for calls on a channel that has ended or is closing.</summary>
    protected MessageChannelClosedException ClosedException() => new(_lifetime.EndInfo);

    private protected static InvalidOperationException SendingCompleted()
        => new("CompleteSendingAsync was called, so nothing more can be sent on this channel.");

    // A wait that is given up must not be reported as unobserved when what was waited for fails later.
    private protected static void Observe(Task task) => _ = task.ContinueWith(
        static task => task.Exception,
        CancellationToken.None,
        TaskContinuationOptions.OnlyOnFaulted | TaskContinuationOptions.ExecuteSynchronously,
        TaskScheduler.Default);

    // Looks at the text first: to ask for the parts of an address is to make and keep them.
    private static Uri? WithoutUserInfo(Uri? address)
        => address?.OriginalString.Contains('@', StringComparison.Ordinal) != true || address.UserInfo.Length == 0 ? address : HostAddress.ChangeScheme(address, address.Scheme);
}
