using System.Buffers.Text;

namespace Transports.Sse;

/// <summary>A line of an event stream as a name and a value (HTML standard, section 9.2.6).</summary>
internal readonly ref struct SseField
{
    /// <summary>The longest id or type in bytes. An id goes back in a header, and servers take about this much there.</summary>
    public const int MaxNameLength = 8 * 1024;

    public SseField(ReadOnlySpan<byte> line)
    {
        var colon = line.IndexOf((byte)':');
        Name = colon < 0 ? line : line[..colon];
        ValueOffset = colon < 0 ? line.Length : colon + 1;
        if (ValueOffset < line.Length && line[ValueOffset] == ' ')
        {
            ValueOffset++;
        }

        Value = line[ValueOffset..];
    }

    /// <summary>A byte order mark, which a stream may begin with.</summary>
    public static ReadOnlySpan<byte> ByteOrderMark => [0xEF, 0xBB, 0xBF];

    /// <summary>Empty for a comment.</summary>
    public ReadOnlySpan<byte> Name { get; }

    public ReadOnlySpan<byte> Value { get; }

    /// <summary>Where in the line the value begins.</summary>
    public int ValueOffset { get; }

    public bool IsData => Name.SequenceEqual("data"u8);

    public bool IsEvent => Name.SequenceEqual("event"u8);

    /// <summary>An id that counts: one without a NUL.</summary>
    public bool IsId => Name.SequenceEqual("id"u8) && !Value.Contains((byte)0);

    /// <summary>The reconnection time in milliseconds; counts when it has digits only.</summary>
    public bool TryReadRetry(out long milliseconds)
    {
        milliseconds = 0;
        if (!Name.SequenceEqual("retry"u8) || Value.IsEmpty || Value.IndexOfAnyExceptInRange((byte)'0', (byte)'9') >= 0)
        {
            return false;
        }

        if (!Utf8Parser.TryParse(Value, out milliseconds, out _))
        {
            milliseconds = long.MaxValue;
        }

        return true;
    }
}
