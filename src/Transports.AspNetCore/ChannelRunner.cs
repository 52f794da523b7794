using Microsoft.Extensions.Logging;

namespace Transports;

/// <summary>Runs the handler of one endpoint over each of its channels, and ends them when the application stops.</summary>
internal sealed class ChannelRunner(MessageChannelHandler handler, AspNetCoreTransportOptions options, ILogger logger, CancellationToken stopping, bool ownsChannels = true)
{
    public AspNetCoreTransportOptions Options => options;

    public ILogger Logger => logger;

    /// <summary>Cancelled when the application stops: no channel is opened any more.</summary>
    public CancellationToken Stopping => stopping;

    /// <summary>Serves a channel to its end, and disposes it; or only hands it on, where the handler takes it over. Never throws.</summary>
    public Task RunAsync(IMessageChannel channel) => ownsChannels ? ServeAsync(channel) : handler(channel, stopping);

    private async Task ServeAsync(IMessageChannel channel)
    {
        var serving = Task.CompletedTask;
        try
        {
            serving = handler(channel, stopping);
            var registration = stopping.UnsafeRegister(state => _ = CloseLaterAsync(channel, (Task)state!), serving);
            await using (registration.ConfigureAwait(false))
            {
                await serving.ConfigureAwait(false);
            }

            await channel.CloseAsync(stopping.IsCancellationRequested ? ChannelCloseStatus.GoingAway : ChannelCloseStatus.Normal).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            await channel.CloseAsync(ChannelCloseStatus.GoingAway).ConfigureAwait(false);
        }
        catch (TransportException) when (channel.Closed.IsCompleted)
        {
            // The channel's end, which it has logged itself.
        }
        catch (Exception e)
        {
            Log.HandlerFailed(logger, e, channel.Id);
            await channel.CloseAsync(ChannelCloseStatus.InternalError, "The handler failed.").ConfigureAwait(false);
        }

        await channel.DisposeAsync().ConfigureAwait(false);
    }

    private async Task CloseLaterAsync(IMessageChannel channel, Task serving)
    {
        // A handler that heeds the token ends the channel itself.
        await Task.WhenAny(serving, Task.Delay(options.StopTimeout, options.TimeProvider, CancellationToken.None)).ConfigureAwait(false);
        await channel.CloseAsync(ChannelCloseStatus.GoingAway, "The server stops.", CancellationToken.None).ConfigureAwait(false);
    }
}
