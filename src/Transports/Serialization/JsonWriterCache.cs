using System.Buffers;
using System.Text.Json;

namespace Transports.Engine;

/// <summary>One JSON writer per thread, as writing a message shall allocate nothing.</summary>
internal static class JsonWriterCache
{
    // System.Text.Json's own default where a contract's MaxDepth is 0; a writer's default would be 1,000.
    private const int DefaultMaxDepth = 64;

    [ThreadStatic]
    private static Utf8JsonWriter? t_writer;

    public static Utf8JsonWriter Rent(JsonSerializerOptions options, IBufferWriter<byte> output)
    {
        // Taken out while in use: a converter may serialize another message inside.
        var writer = t_writer;
        t_writer = null;
        if (writer is not null && Fits(writer.Options, options))
        {
            writer.Reset(output);
            return writer;
        }

        return new Utf8JsonWriter(output, new JsonWriterOptions
        {
            Encoder = options.Encoder,
            Indented = options.WriteIndented,
            IndentCharacter = options.IndentCharacter,
            IndentSize = options.IndentSize,
            NewLine = options.NewLine,
            MaxDepth = MaxDepth(options),
        });
    }

    public static void Return(Utf8JsonWriter writer)
    {
        // Keeps no channel's buffer, and forgets what was half written.
        writer.Reset(Nowhere.Instance);
        t_writer = writer;
    }

    private static bool Fits(JsonWriterOptions writer, JsonSerializerOptions options)
        => ReferenceEquals(writer.Encoder, options.Encoder)
            && writer.Indented == options.WriteIndented
            && writer.MaxDepth == MaxDepth(options)
            && (!writer.Indented
                || (writer.IndentCharacter == options.IndentCharacter
                    && writer.IndentSize == options.IndentSize
                    && writer.NewLine == options.NewLine));

    private static int MaxDepth(JsonSerializerOptions options) => options.MaxDepth == 0 ? DefaultMaxDepth : options.MaxDepth;

    private sealed class Nowhere : IBufferWriter<byte>
    {
        public static Nowhere Instance { get; } = new();

        public void Advance(int count) => throw new InvalidOperationException("The writer is not in use.");

        public Memory<byte> GetMemory(int sizeHint = 0) => throw new InvalidOperationException("The writer is not in use.");

        public Span<byte> GetSpan(int sizeHint = 0) => throw new InvalidOperationException("The writer is not in use.");
    }
}
