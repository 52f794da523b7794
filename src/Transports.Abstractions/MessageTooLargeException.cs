using System.Globalization;

namespace Transports;

/// <summary>A message is over the limit of <see cref="Limit"/> bytes.</summary>
public class MessageTooLargeException : TransportException
{
    /// <summary>An exception for a message of a known size.</summary>
    /// <param name="size">The message's size in bytes, or how much of it was seen when the limit was passed.</param>
    /// <param name="limit">The limit in bytes.</param>
    public MessageTooLargeException(long size, long limit)
        : base(string.Create(
            CultureInfo.InvariantCulture,
            $"A message of {size} bytes is over the limit of {limit} bytes. Send it in parts, or raise MaxMessageSize on both sides."))
    {
        Size = size;
        Limit = limit;
    }

    /// <summary>The message's size in bytes, or how much of it was seen when the limit was passed.</summary>
    public long Size { get; }

    /// <summary>The limit in bytes.</summary>
    public long Limit { get; }
}
