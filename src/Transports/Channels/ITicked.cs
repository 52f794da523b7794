namespace Transports.Engine;

/// <summary>Somebody whom the <see cref="ChannelTicker"/> calls.</summary>
internal interface ITicked
{
    /// <summary>The ticker's: the place in its list, or -1.</summary>
    int TickerIndex { get; set; }

    /// <summary>The ticker's: which list.</summary>
    int TickerShard { get; set; }

    /// <summary>The ticker's: the timer of one whose clock is not the system's.</summary>
    ITimer? TickerTimer { get; set; }

    /// <summary>A quarter of a second has passed, about. Never called twice at a time; must be quick and not throw.</summary>
    /// <param name="now">As <see cref="ChannelClock"/> has it.</param>
    void OnTick(long now);
}
