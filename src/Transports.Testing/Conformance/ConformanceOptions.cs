namespace Transports.Testing;

/// <summary>What a conformance test asks of a transport it is about to create.</summary>
/// <remarks>Copy the values with <see cref="ApplyTo"/>, or one by one where the transport's options do not derive from <see cref="MessageChannelOptions"/>.</remarks>
public sealed class ConformanceOptions
{
    internal ConformanceOptions(ChannelSide side, LeakTrackingArrayPool bufferPool)
    {
        Side = side;
        BufferPool = bufferPool;
    }

    /// <summary>Whether the transport will connect or listen. A transport that does both may ignore it.</summary>
    public ChannelSide Side { get; }

    /// <summary>The largest message in bytes. By default 64 KiB.</summary>
    public int MaxMessageSize { get; init; } = 64 * 1024;

    /// <summary>How many bytes a channel holds for sending before a sender waits. By default 64 KiB.</summary>
    public int SendBufferSize { get; init; } = 64 * 1024;

    /// <summary>How many bytes a channel reads at once at most. By default 64 KiB.</summary>
    public int ReceiveBufferSize { get; init; } = 64 * 1024;

    /// <summary>How long a graceful close may take. By default 20 seconds: longer than any test that passes needs.</summary>
    public TimeSpan CloseTimeout { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>Where all buffers must come from; checked for leaks after every test.</summary>
    public LeakTrackingArrayPool BufferPool { get; }

    /// <summary>Sets all of these on a transport's options.</summary>
    /// <typeparam name="TOptions">The options' type.</typeparam>
    /// <param name="options">The options to change.</param>
    /// <returns>The same options.</returns>
    public TOptions ApplyTo<TOptions>(TOptions options)
        where TOptions : MessageChannelOptions
    {
        ArgumentNullException.ThrowIfNull(options);
        options.MaxMessageSize = MaxMessageSize;
        options.SendBufferSize = SendBufferSize;
        options.ReceiveBufferSize = ReceiveBufferSize;
        options.CloseTimeout = CloseTimeout;
        options.BufferPool = BufferPool;
        return options;
    }
}
