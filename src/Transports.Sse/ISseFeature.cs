namespace Transports;

/// <summary>What server-sent events have besides their data (HTML standard, section 9.2); from <see cref="IMessageChannel.GetFeature{TFeature}"/> of an <c>sse+http</c> channel.</summary>
/// <remarks>To be read by the receiver, between its receives.</remarks>
public interface ISseFeature
{
    /// <summary>The type of the event received last: <c>message</c> unless the server said otherwise.</summary>
    string EventType { get; }

    /// <summary>The id of the last complete event, which is named when reconnecting; empty for none.</summary>
    string LastEventId { get; }

    /// <summary>How long the server asks clients to wait before they reconnect, or <see langword="null"/> when it did not.</summary>
    TimeSpan? ReconnectDelay { get; }

    /// <summary>Sends an event of a type, for pages that listen with <c>addEventListener</c>. It arrives at an <c>sse+http</c> channel as a text message.</summary>
    /// <param name="eventType">The type: one line, and none of this library's own (<c>binary</c>, <c>text-base64</c>, <c>close</c>, <c>session</c>).</param>
    /// <param name="text">The data; no CR in it.</param>
    /// <param name="cancellationToken">Gives up waiting for room.</param>
    /// <exception cref="ArgumentException">The type or the data cannot be sent.</exception>
    ValueTask SendEventAsync(string eventType, string text, CancellationToken cancellationToken = default);
}
