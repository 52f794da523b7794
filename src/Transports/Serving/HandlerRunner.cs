using Microsoft.Extensions.Logging;

namespace Transports.Extensibility;

/// <summary>
/// Runs a handler over a channel and ends the channel as the handler ended. Every server uses it, so that a handler ends in the same way
/// whichever door its channel came in through.
/// </summary>
/// <remarks>
/// <list type="table">
/// <listheader><term>The handler</term><description>Its channel</description></listheader>
/// <item><term>returns</term><description>closes as <see cref="ChannelCloseStatus.Normal"/>, also while the server stops: a handler that returned has said how the
/// call ends, and a status it gave its transport, such as a gRPC call's, reaches the peer.</description></item>
/// <item><term>throws <see cref="OperationCanceledException"/> while the server stops</term><description>closes as <see cref="ChannelCloseStatus.GoingAway"/>.</description></item>
/// <item><term>goes on when its time is over</term><description>closes as <see cref="ChannelCloseStatus.GoingAway"/>, under the handler: <see cref="CloseOverrunAsync"/>.</description></item>
/// <item><term>throws because its channel has ended</term><description>has ended. A peer that leaves is no error: logged at Debug.</description></item>
/// <item><term>throws anything else, another channel's end included</term><description>closes as <see cref="ChannelCloseStatus.InternalError"/>, without telling the peer more; logged at Error.</description></item>
/// </list>
/// </remarks>
public sealed class HandlerRunner
{
    // A channel that was disposed says how it ended at once; the bound is for one that breaks its contract.
    private static readonly TimeSpan EndKnownWithin = TimeSpan.FromSeconds(1);

    private const string StoppingText = "The server is stopping.";
    private const string FailedText = "The handler failed.";

    private readonly MessageChannelHandler _handler;
    private readonly ILogger _logger;
    private readonly TimeProvider _timeProvider;

    /// <summary>A runner of one handler.</summary>
    /// <param name="handler">Serves a channel.</param>
    /// <param name="logger">Where failures are logged.</param>
    /// <param name="timeProvider">The clock; the system's when <see langword="null"/>.</param>
    public HandlerRunner(MessageChannelHandler handler, ILogger logger, TimeProvider? timeProvider = null)
    {
        ArgumentNullException.ThrowIfNull(handler);
        ArgumentNullException.ThrowIfNull(logger);
        _handler = handler;
        _logger = logger;
        _timeProvider = timeProvider ?? TimeProvider.System;
    }

    /// <summary>Runs the handler, then closes the channel as the remarks of this class say, and disposes it.</summary>
    /// <param name="channel">The channel; the runner's from here on.</param>
    /// <param name="stoppingToken">Cancelled when the server begins to stop; the handler's token.</param>
    /// <returns>Completes when the handler has ended and the channel is disposed. Never throws: what the handler throws is logged.</returns>
    public async Task RunAsync(IMessageChannel channel, CancellationToken stoppingToken)
    {
        ArgumentNullException.ThrowIfNull(channel);
        try
        {
            await _handler(channel, stoppingToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            await EndAsync(channel, ChannelCloseStatus.GoingAway, StoppingText).ConfigureAwait(false);
            return;
        }
        catch (TransportException e)
        {
            // Judged afterwards: it can come before the channel says that it has ended, and this close does nothing to one that has.
            await EndAsync(channel, ChannelCloseStatus.InternalError, FailedText).ConfigureAwait(false);
            await LogEndAsync(channel, e).ConfigureAwait(false);
            return;
        }
        catch (Exception e)
        {
            Log.HandlerFailed(_logger, e, channel.Id, channel.RemoteAddress);
            await EndAsync(channel, ChannelCloseStatus.InternalError, FailedText).ConfigureAwait(false);
            return;
        }

        await EndAsync(channel, ChannelCloseStatus.Normal, description: null).ConfigureAwait(false);
    }

    /// <summary>Closes a channel, as GoingAway, whose handler still runs when its time is over. Does not throw.</summary>
    /// <param name="channel">The channel.</param>
    /// <returns>Completes when it is closed, which its transport bounds. The handler's code may run inside this call, as its receive ends.</returns>
    public ValueTask CloseOverrunAsync(IMessageChannel channel)
    {
        ArgumentNullException.ThrowIfNull(channel);
        return QuietlyAsync(channel, () => channel.CloseAsync(ChannelCloseStatus.GoingAway, StoppingText));
    }

    // By how the channel ended, not by whether it has: of two channels that a handler joins, the other one's end is a failure.
    private static bool IsEndOf(ChannelCloseInfo end, TransportException failure)
        => failure is MessageChannelClosedException closed && closed.CloseInfo == end
            || end is not { IsRemote: false, Status: ChannelCloseStatus.InternalError or ChannelCloseStatus.TimedOut };

    private async Task LogEndAsync(IMessageChannel channel, TransportException failure)
    {
        ChannelCloseInfo? end = null;
        try
        {
            end = await channel.Closed.WaitAsync(EndKnownWithin, _timeProvider).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
        }

        if (end is not null && IsEndOf(end, failure))
        {
            Log.HandlerEndedWithChannel(_logger, channel.Id, failure.Message);
        }
        else
        {
            Log.HandlerFailed(_logger, failure, channel.Id, channel.RemoteAddress);
        }
    }

    private async ValueTask EndAsync(IMessageChannel channel, ChannelCloseStatus status, string? description)
    {
        await QuietlyAsync(channel, () => channel.CloseAsync(status, description)).ConfigureAwait(false);
        await QuietlyAsync(channel, channel.DisposeAsync).ConfigureAwait(false);
    }

    // A channel may be anybody's: what it throws must not keep the rest from ending.
    private async ValueTask QuietlyAsync(IMessageChannel channel, Func<ValueTask> action)
    {
        try
        {
            await action().ConfigureAwait(false);
        }
        catch (Exception e)
        {
            Log.ChannelEndFailed(_logger, e, channel.Id);
        }
    }
}
