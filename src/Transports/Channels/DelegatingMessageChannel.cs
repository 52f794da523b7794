using System.Diagnostics;

namespace Transports;

/// <summary>A channel around another, passing everything on: the base of behaviors, which override what they change.</summary>
/// <remarks>Owns the inner channel. Whatever an override adds must keep the promises of <see cref="IMessageChannel"/>.</remarks>
[DebuggerDisplay("{GetType().Name,nq} over {Inner}")]
public abstract class DelegatingMessageChannel : IMessageChannel
{
    /// <summary>A channel around another.</summary>
    /// <param name="inner">The channel to pass on to.</param>
    protected DelegatingMessageChannel(IMessageChannel inner)
    {
        ArgumentNullException.ThrowIfNull(inner);
        Inner = inner;
    }

    /// <inheritdoc/>
    public virtual string Id => Inner.Id;

    /// <inheritdoc/>
    public virtual Uri? LocalAddress => Inner.LocalAddress;

    /// <inheritdoc/>
    public virtual Uri? RemoteAddress => Inner.RemoteAddress;

    /// <inheritdoc/>
    public virtual ChannelCharacteristics Characteristics => Inner.Characteristics;

    /// <inheritdoc/>
    public virtual Task<ChannelCloseInfo> Closed => Inner.Closed;

    /// <summary>The channel passed on to.</summary>
    protected IMessageChannel Inner { get; }

    /// <inheritdoc/>
    public virtual ValueTask SendAsync(Message message, CancellationToken cancellationToken = default)
        => Inner.SendAsync(message, cancellationToken);

    /// <inheritdoc/>
    public virtual ValueTask SendAsync(ReadOnlyMemory<Message> batch, CancellationToken cancellationToken = default)
        => Inner.SendAsync(batch, cancellationToken);

    /// <inheritdoc/>
    public virtual bool TrySend(in Message message) => Inner.TrySend(message);

    /// <inheritdoc/>
    public virtual ValueTask FlushAsync(CancellationToken cancellationToken = default) => Inner.FlushAsync(cancellationToken);

    /// <inheritdoc/>
    public virtual ValueTask<Message?> ReceiveAsync(CancellationToken cancellationToken = default) => Inner.ReceiveAsync(cancellationToken);

    /// <inheritdoc/>
    public virtual ValueTask<bool> WaitToReceiveAsync(CancellationToken cancellationToken = default) => Inner.WaitToReceiveAsync(cancellationToken);

    /// <inheritdoc/>
    public virtual bool TryReceive(out Message message) => Inner.TryReceive(out message);

    /// <inheritdoc/>
    public virtual ValueTask CompleteSendingAsync(CancellationToken cancellationToken = default) => Inner.CompleteSendingAsync(cancellationToken);

    /// <inheritdoc/>
    public virtual ValueTask CloseAsync(
        ChannelCloseStatus status = ChannelCloseStatus.Normal,
        string? description = null,
        CancellationToken cancellationToken = default)
        => Inner.CloseAsync(status, description, cancellationToken);

    /// <inheritdoc/>
    public virtual void Abort(Exception? cause = null) => Inner.Abort(cause);

    /// <inheritdoc/>
    public virtual TFeature? GetFeature<TFeature>()
        where TFeature : class
        => this as TFeature ?? Inner.GetFeature<TFeature>();

    /// <inheritdoc/>
    public virtual ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        return Inner.DisposeAsync();
    }

    /// <summary>What the channel below says of itself: id, addresses and state.</summary>
    public override string? ToString() => Inner.ToString();
}
