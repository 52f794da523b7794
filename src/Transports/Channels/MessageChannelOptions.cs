using System.Buffers;

namespace Transports;

/// <summary>The limits and services that every channel has. Each transport's options derive from this.</summary>
public class MessageChannelOptions
{
    /// <summary>The largest message sent or received, in bytes. Default 1 MiB; from 1 to 1 GiB.</summary>
    public int MaxMessageSize { get; set; } = 1024 * 1024;

    /// <summary>
    /// How many bytes a channel holds for sending before a sender waits. Default 64 KiB, which measured best as the size of
    /// one write; from 1 KiB to 1 GiB. A channel has two such buffers, one filling and one being written; a single message or
    /// batch that is larger is taken whole when the buffer is empty.
    /// </summary>
    public int SendBufferSize { get; set; } = 64 * 1024;

    /// <summary>
    /// How many bytes a channel reads at once at most, and about how many it reads ahead while nobody receives. Default 64 KiB; from 1 KiB to 1 GiB. A larger message
    /// grows the buffer as it arrives; an idle channel keeps none, one that was busy a moment ago up to twice as much.
    /// </summary>
    public int ReceiveBufferSize { get; set; } = 64 * 1024;

    /// <summary>How long a graceful close may take before the channel is aborted. Default 5 seconds; must be positive.</summary>
    public TimeSpan CloseTimeout { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// How long bytes may wait without the transport taking any of them, as when the peer reads nothing; then the channel ends as
    /// <see cref="ChannelCloseStatus.TimedOut"/>. Default 2 minutes; <see cref="Timeout.InfiniteTimeSpan"/> never. Progress is seen at least every 256 KiB, and the time is kept to a quarter of a second. On every transport with a connection.
    /// </summary>
    public TimeSpan SendTimeout { get; set; } = TimeSpan.FromMinutes(2);

    /// <summary>Where buffers come from. Default <see cref="ArrayPool{T}.Shared"/>.</summary>
    public ArrayPool<byte> BufferPool { get; set; } = ArrayPool<byte>.Shared;

    /// <summary>The clock of every timeout. Default <see cref="TimeProvider.System"/>. One that stands still keeps <see cref="CloseTimeout"/> and <see cref="SendTimeout"/> from ending, and the channel from looking after a peer while nobody receives.</summary>
    public TimeProvider TimeProvider { get; set; } = TimeProvider.System;

    /// <summary>Checks the values and their relations.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A value is out of its range; the message names it and the range.</exception>
    /// <exception cref="ArgumentNullException">A service is missing.</exception>
    public virtual void Validate()
    {
        OptionGuard.ThrowIfOutOfRange(MaxMessageSize, 1, OptionGuard.OneGibibyte, nameof(MaxMessageSize));
        OptionGuard.ThrowIfOutOfRange(SendBufferSize, 1024, OptionGuard.OneGibibyte, nameof(SendBufferSize));
        OptionGuard.ThrowIfOutOfRange(ReceiveBufferSize, 1024, OptionGuard.OneGibibyte, nameof(ReceiveBufferSize));
        OptionGuard.ThrowIfNotPositive(CloseTimeout, nameof(CloseTimeout));
        if (SendTimeout != Timeout.InfiniteTimeSpan)
        {
            OptionGuard.ThrowIfNotPositive(SendTimeout, nameof(SendTimeout));
        }

        ArgumentNullException.ThrowIfNull(BufferPool);
        ArgumentNullException.ThrowIfNull(TimeProvider);
    }
}
