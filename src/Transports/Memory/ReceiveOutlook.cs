namespace Transports;

/// <summary>What a receiver of a <see cref="MemoryMessagePipe"/> can expect.</summary>
internal enum ReceiveOutlook
{
    /// <summary>A message is there.</summary>
    Ready,

    /// <summary>Nothing is there, and something may come.</summary>
    Waiting,

    /// <summary>Nothing is there, and nothing will come.</summary>
    Finished,
}
