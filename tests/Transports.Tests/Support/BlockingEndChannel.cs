namespace Transports.Tests;

/// <summary>A channel whose ends hold their caller, as a receiver's code does that runs inside them and blocks.</summary>
internal sealed class BlockingEndChannel(IMessageChannel inner, ManualResetEventSlim release) : DelegatingMessageChannel(inner)
{
    public override ValueTask CloseAsync(ChannelCloseStatus status = ChannelCloseStatus.Normal, string? description = null, CancellationToken cancellationToken = default)
    {
        release.Wait(cancellationToken);
        return Inner.CloseAsync(status, description, cancellationToken);
    }

    public override void Abort(Exception? cause = null)
    {
        release.Wait();
        Inner.Abort(cause);
    }
}
