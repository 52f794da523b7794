namespace Transports.Sse;

/// <summary>The names on the wire that are this library's own; the rest is the HTML standard's, section 9.2.</summary>
internal static class SseWire
{
    public const string ContentType = "text/event-stream";

    /// <summary>On a response: the session's id, and that the event types below mean what they say. On a request: which session it is for.</summary>
    public const string SessionHeader = "Transports-Session";

    /// <summary>On a POST: its number, from 1, so that one sent again after a lost answer counts once. On its answer 202: it was taken, and there is no room for more yet.</summary>
    public const string SequenceHeader = "Transports-Sequence";

    /// <summary>On a DELETE: why the client closes, as in a close event. On a POST: it holds the client's last event.</summary>
    public const string CloseHeader = "Transports-Close";

    /// <summary>The most events in one POST, in bytes; a single event may be larger, up to the server's limit on a message.</summary>
    public const int MaxPostSize = 1024 * 1024;

    public const string LastEventIdHeader = "Last-Event-ID";

    /// <summary>In the address's query: the client sends too.</summary>
    public const string DuplexQuery = "duplex";

    /// <summary>An event type: the data is base64 of a binary message.</summary>
    public static ReadOnlySpan<byte> BinaryEvent => "binary"u8;

    /// <summary>An event type: the data is base64 of a text, which holds a CR and so cannot go as it is.</summary>
    public static ReadOnlySpan<byte> TextEvent => "text-base64"u8;

    /// <summary>An event type: the channel ends; the data is a <see cref="ChannelCloseStatus"/> by name, then a space and a description if there is one.</summary>
    public static ReadOnlySpan<byte> CloseEvent => "close"u8;

    /// <summary>An event type: the data is the session's id, for pages, which cannot read headers.</summary>
    public static ReadOnlySpan<byte> SessionEvent => "session"u8;

    /// <summary>The largest data of an event that carries a message of up to this size, in bytes.</summary>
    public static long EncodedSize(long messageSize) => (messageSize + 2) / 3 * 4;

    /// <summary>How many of these bytes, which are whole events, go into one POST.</summary>
    public static int LengthOfPost(ReadOnlySpan<byte> events)
    {
        if (events.Length <= MaxPostSize)
        {
            return events.Length;
        }

        var last = events[..MaxPostSize].LastIndexOf("\n\n"u8);
        return (last >= 0 ? last : events.IndexOf("\n\n"u8)) + 2;
    }

    /// <summary>Whether the last of these events is the close event, which says that nothing follows.</summary>
    public static bool EndsWithClose(ReadOnlySpan<byte> events)
    {
        var body = events[..Math.Max(0, events.Length - 2)];
        var last = body[(body.LastIndexOf("\n\n"u8) is var end and >= 0 ? end + 2 : 0)..];
        if (last.StartsWith("id: "u8))
        {
            last = last[(last.IndexOf((byte)'\n') + 1)..];
        }

        return last.StartsWith("event: close\n"u8);
    }

    public static string FormatClose(ChannelCloseStatus status, string? description)
        => string.IsNullOrEmpty(description) ? status.ToString() : $"{status} {OneLine(description)}";

    public static ChannelCloseInfo ParseClose(string text)
    {
        var space = text.IndexOf(' ', StringComparison.Ordinal);
        var name = space < 0 ? text : text[..space];
        var status = Enum.TryParse<ChannelCloseStatus>(name, out var parsed) && Enum.IsDefined(parsed) ? parsed : ChannelCloseStatus.Normal;

        // What the peer calls an abort is a lost connection from here.
        return new ChannelCloseInfo(
            status == ChannelCloseStatus.Aborted ? ChannelCloseStatus.ConnectionLost : status,
            IsRemote: true,
            space < 0 ? null : text[(space + 1)..]);
    }

    private static string OneLine(string text) => text.ReplaceLineEndings(" ");
}
