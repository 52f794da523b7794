using System.Globalization;

namespace Transports.Extensibility;

/// <content>What passing time ends.</content>
public sealed partial class FramedMessageChannel : ITicked
{
    int ITicked.TickerIndex { get; set; } = -1;

    int ITicked.TickerShard { get; set; }

    ITimer? ITicked.TickerTimer { get; set; }

    void ITicked.OnTick(long now)
    {
        _reader.OnTick(now);
        if (Lifetime.SendFailure is { } failure && _reader.WaitsLonger(now, Options.CloseTimeout))
        {
            // A write has failed, and yet the input does not end: nobody waits for that for ever.
            EndAfterFailedSend(failure);
        }

        var pending = _queue.Loop!.PendingSince;
        if (pending != 0 && Options.SendTimeout != Timeout.InfiniteTimeSpan && now - pending > Options.SendTimeout.TotalMilliseconds)
        {
            Terminate(new ChannelCloseInfo(
                ChannelCloseStatus.TimedOut,
                IsRemote: false,
                string.Create(CultureInfo.InvariantCulture, $"The peer has taken nothing of what was sent for {Options.SendTimeout.TotalSeconds:0.###} seconds (SendTimeout).")));
        }
    }

    private void EndAfterFailedSend(ChannelCloseInfo failure)
    {
        if (!Terminate(failure) && !Lifetime.IsInputDropped)
        {
            BreakOff(failure);
        }
    }

    /// <summary>The peer has not answered a ping. For the keep-alive.</summary>
    internal void OnSilence(TimeSpan silence)
        => Terminate(new ChannelCloseInfo(
            ChannelCloseStatus.TimedOut,
            IsRemote: false,
            string.Create(CultureInfo.InvariantCulture, $"The peer has not answered a ping, nor sent anything else, for {silence.TotalSeconds:0.#} seconds (KeepAliveTimeout).")));
}
