namespace Transports.Engine;

/// <summary>What all framings check alike.</summary>
internal static class FrameLimits
{
    // The largest array (Array.MaxLength), less room for any header or trailer, so that sums of lengths never overflow an int.
    public const int MaxPayload = 0x7FFFFFC7 - (64 * 1024);

    public static int CheckMaxMessageSize(int maxMessageSize)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(maxMessageSize);
        return Math.Min(maxMessageSize, MaxPayload);
    }

    public static int CheckPayload(long length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        return length <= MaxPayload
            ? (int)length
            : throw new MessageFramingException($"A payload of {length} bytes is more than one frame can carry, which is {MaxPayload}. Send it in parts.");
    }
}
