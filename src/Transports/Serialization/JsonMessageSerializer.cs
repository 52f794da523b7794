using System.Buffers;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Transports;

/// <summary>Objects as JSON (RFC 8259) in UTF-8, through a source-generated contract: no reflection, safe to trim and to compile ahead of time.</summary>
/// <typeparam name="T">The type of the objects.</typeparam>
/// <remarks>
/// <para>A payload that is not JSON, has anything behind the value, or does not fit the contract gives a <see cref="JsonException"/>; the
/// channel stays open. The JSON literal <c>null</c> gives <see langword="null"/> where <typeparamref name="T"/> is a reference type: check
/// it where the peer is not trusted.</para>
/// <para>Writing allocates nothing of its own: each thread keeps one writer.</para>
/// </remarks>
public sealed class JsonMessageSerializer<T> : IMessageSerializer<T>
{
    private readonly JsonTypeInfo<T> _typeInfo;
    private readonly JsonReaderOptions _readerOptions;

    /// <summary>A serializer.</summary>
    /// <param name="typeInfo">The contract, from a <see cref="System.Text.Json.Serialization.JsonSerializerContext"/>, such as <c>MyContext.Default.MyType</c>.</param>
    public JsonMessageSerializer(JsonTypeInfo<T> typeInfo)
    {
        ArgumentNullException.ThrowIfNull(typeInfo);
        _typeInfo = typeInfo;
        var options = typeInfo.Options;
        _readerOptions = new JsonReaderOptions
        {
            AllowTrailingCommas = options.AllowTrailingCommas,
            CommentHandling = options.ReadCommentHandling,
            MaxDepth = options.MaxDepth,
        };
    }

    /// <summary><see cref="MessageKind.Text"/>.</summary>
    public MessageKind Kind => MessageKind.Text;

    /// <inheritdoc/>
    /// <exception cref="JsonException">The value holds a cycle, or is nested too deeply.</exception>
    /// <exception cref="NotSupportedException">The contract does not cover the value.</exception>
    public void Serialize(T value, IBufferWriter<byte> output)
    {
        ArgumentNullException.ThrowIfNull(output);
        var writer = JsonWriterCache.Rent(_typeInfo.Options, output);
        try
        {
            JsonSerializer.Serialize(writer, value, _typeInfo);
            writer.Flush();
        }
        finally
        {
            JsonWriterCache.Return(writer);
        }
    }

    /// <inheritdoc/>
    /// <exception cref="JsonException">The payload is not a value of this type.</exception>
    public T Deserialize(in ReadOnlySequence<byte> payload)
    {
        if (payload.IsSingleSegment)
        {
            return JsonSerializer.Deserialize(payload.FirstSpan, _typeInfo)!;
        }

        var reader = new Utf8JsonReader(payload, _readerOptions);
        var value = JsonSerializer.Deserialize(ref reader, _typeInfo);

        // Throws when anything but white space is left, as the contiguous way does by itself.
        reader.Read();
        return value!;
    }
}
