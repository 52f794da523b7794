namespace Transports.Testing;

/// <summary>Makes channels fail on purpose.</summary>
public static class FaultInjectionExtensions
{
    /// <summary>A channel whose sends are delayed, dropped, failed or cut off. Wrap both ends to hit both directions.</summary>
    /// <param name="channel">The channel; the new one owns it.</param>
    /// <param name="options">What goes wrong.</param>
    /// <returns>The channel with faults. Receiving is not touched.</returns>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    public static IMessageChannel WithFaults(this IMessageChannel channel, ChannelFaultOptions options)
    {
        ArgumentNullException.ThrowIfNull(channel);
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        return new FaultyMessageChannel(channel, options);
    }
}
