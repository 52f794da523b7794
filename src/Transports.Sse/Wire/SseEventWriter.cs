using System.Buffers;
using System.Buffers.Text;
using System.Globalization;

namespace Transports.Sse;

/// <summary>Writes messages as events (HTML standard, section 9.2.5), straight into an output buffer.</summary>
internal static class SseEventWriter
{
    private static ReadOnlySpan<byte> EventField => "event: "u8;

    private static ReadOnlySpan<byte> DataField => "data: "u8;

    private static ReadOnlySpan<byte> IdField => "id: "u8;

    /// <summary>Writes one event.</summary>
    /// <param name="output">Where to.</param>
    /// <param name="payload">The message.</param>
    /// <param name="kind">Text goes as it is, in as many data lines as it has lines; binary, and text that holds a CR, as base64.</param>
    /// <param name="isPosted">For a server of this library, not for a page: text of many short lines, each of which costs a field, may go as base64 too.</param>
    public static void Write(IBufferWriter<byte> output, in ReadOnlySequence<byte> payload, MessageKind kind, bool isPosted = false)
    {
        if (kind == MessageKind.Binary)
        {
            WriteBase64(output, SseWire.BinaryEvent, payload);
        }
        else if (payload.IsSingleSegment && payload.FirstSpan.IndexOfAny((byte)'\r', (byte)'\n') < 0)
        {
            var text = payload.FirstSpan;
            var span = output.GetSpan(DataField.Length + text.Length + 2);
            DataField.CopyTo(span);
            text.CopyTo(span[DataField.Length..]);
            "\n\n"u8.CopyTo(span[(DataField.Length + text.Length)..]);
            output.Advance(DataField.Length + text.Length + 2);
        }
        else if (payload.PositionOf((byte)'\r') is not null || (isPosted && LinesAreLonger(payload)))
        {
            WriteBase64(output, SseWire.TextEvent, payload);
        }
        else
        {
            WriteLines(output, payload);
        }
    }

    /// <summary>Writes an id line, the beginning of an event.</summary>
    public static void WriteId(IBufferWriter<byte> output, ReadOnlySpan<byte> prefix, long number)
    {
        var span = output.GetSpan(IdField.Length + prefix.Length + 22);
        IdField.CopyTo(span);
        prefix.CopyTo(span[IdField.Length..]);
        var length = IdField.Length + prefix.Length;
        number.TryFormat(span[length..], out var digits, provider: CultureInfo.InvariantCulture);
        length += digits;
        span[length++] = (byte)'\n';
        output.Advance(length);
    }

    /// <summary>Writes an event line, before the data.</summary>
    public static void WriteType(IBufferWriter<byte> output, string type)
    {
        output.Write(EventField);
        output.Write(System.Text.Encoding.UTF8.GetBytes(type));
        output.Write("\n"u8);
    }

    /// <summary>Writes an event of a type with text of one line.</summary>
    public static void WriteNamed(IBufferWriter<byte> output, ReadOnlySpan<byte> type, string data)
    {
        output.Write(EventField);
        output.Write(type);
        output.Write("\n"u8);
        output.Write(DataField);
        output.Write(System.Text.Encoding.UTF8.GetBytes(data));
        output.Write("\n\n"u8);
    }

    // The limit on a POST allows for base64.
    private static bool LinesAreLonger(in ReadOnlySequence<byte> payload)
    {
        var lines = 1L;
        foreach (var segment in payload)
        {
            lines += segment.Span.Count((byte)'\n');
        }

        return payload.Length + (lines * DataField.Length) > SseWire.EncodedSize(payload.Length);
    }

    private static void WriteLines(IBufferWriter<byte> output, in ReadOnlySequence<byte> payload)
    {
        var rest = payload;
        while (true)
        {
            var end = rest.PositionOf((byte)'\n');
            output.Write(DataField);
            foreach (var segment in end is { } position ? rest.Slice(0, position) : rest)
            {
                output.Write(segment.Span);
            }

            output.Write("\n"u8);
            if (end is null)
            {
                break;
            }

            rest = rest.Slice(rest.GetPosition(1, end.Value));
        }

        output.Write("\n"u8);
    }

    private static void WriteBase64(IBufferWriter<byte> output, ReadOnlySpan<byte> type, in ReadOnlySequence<byte> payload)
    {
        var length = (int)payload.Length;
        var encoded = (int)SseWire.EncodedSize(length);
        var head = EventField.Length + type.Length + 1 + DataField.Length;
        var span = output.GetSpan(head + encoded + 2);
        EventField.CopyTo(span);
        type.CopyTo(span[EventField.Length..]);
        span[EventField.Length + type.Length] = (byte)'\n';
        DataField.CopyTo(span[(EventField.Length + type.Length + 1)..]);
        var body = span.Slice(head, encoded);

        // Encoded in place, from the end to the beginning: no memory but the output's.
        payload.CopyTo(body);
        Base64.EncodeToUtf8InPlace(body, length, out _);
        "\n\n"u8.CopyTo(span[(head + encoded)..]);
        output.Advance(head + encoded + 2);
    }
}
