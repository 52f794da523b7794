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

    /// <summary>How many bytes a channel reads at once at most. Default 64 KiB; from 1 KiB to 1 GiB. A larger message grows the buffer as it arrives.</summary>
    public int ReceiveBufferSize { get; set; } = 64 * 1024;

    /// <summary>How long a graceful close may take before the channel is aborted. Default 5 seconds; must be positive.</summary>
    public TimeSpan CloseTimeout { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>Where buffers come from. Default <see cref="ArrayPool{T}.Shared"/>.</summary>
    public ArrayPool<byte> BufferPool { get; set; } = ArrayPool<byte>.Shared;

    /// <summary>The clock of every timeout. Default <see cref="TimeProvider.System"/>.</summary>
    public TimeProvider TimeProvider { get; set; } = TimeProvider.System;

    /// <summary>Checks the values and their relations.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A value is out of its range; the message names it and the range.</exception>
    /// <exception cref="ArgumentNullException">A service is missing.</exception>
    public virtual void Validate()
    {
        OptionChecks.InRange(MaxMessageSize, 1, OptionChecks.OneGibibyte, nameof(MaxMessageSize));
        OptionChecks.InRange(SendBufferSize, 1024, OptionChecks.OneGibibyte, nameof(SendBufferSize));
        OptionChecks.InRange(ReceiveBufferSize, 1024, OptionChecks.OneGibibyte, nameof(ReceiveBufferSize));
        OptionChecks.Positive(CloseTimeout, nameof(CloseTimeout));
        ArgumentNullException.ThrowIfNull(BufferPool);
        ArgumentNullException.ThrowIfNull(TimeProvider);
    }
}
