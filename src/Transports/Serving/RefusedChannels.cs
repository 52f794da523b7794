using Microsoft.Extensions.Logging;

namespace Transports.Engine;

/// <summary>Ends channels that were refused, telling their peers, for as long as that does not become a load of its own.</summary>
internal sealed class RefusedChannels(ILogger logger)
{
    // A peer that reads nothing makes its close last for the whole close timeout. Beyond this many at once they are aborted without a word.
    private const int MaxClosing = 64;

    private readonly ServedChannels _closing = new();

    /// <summary>Closes a channel with the reason as <see cref="ChannelCloseStatus.PolicyViolation"/>, and disposes it. Does not wait.</summary>
    public void Refuse(IMessageChannel channel, string reason)
    {
        var isFlood = _closing.Count >= MaxClosing;
        _closing.Add(channel);
        _ = Task.Run(() => EndAsync(channel, isFlood ? null : reason), CancellationToken.None);
    }

    /// <summary>Completes when all are gone; none may be refused any more.</summary>
    public Task WhenEmptyAsync() => _closing.WhenEmptyAsync();

    private async Task EndAsync(IMessageChannel channel, string? reason)
    {
        try
        {
            if (reason is null)
            {
                channel.Abort(new TransportException("The server refused the channel."));
            }
            else
            {
                await channel.CloseAsync(ChannelCloseStatus.PolicyViolation, reason).ConfigureAwait(false);
            }

            await channel.DisposeAsync().ConfigureAwait(false);
        }
        catch (Exception e)
        {
            // A channel may be anybody's: what it throws must not keep the rest from ending.
            Log.ChannelEndFailed(logger, e, channel.Id);
        }
        finally
        {
            _closing.Remove(channel);
        }
    }
}
