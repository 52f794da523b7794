using System.Text.Json.Serialization;

namespace Chat;

/// <summary>The messages' JSON, generated at build time: no reflection, safe to trim and to compile ahead of time.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true,
    AllowOutOfOrderMetadataProperties = true)]
[JsonSerializable(typeof(ChatRequest))]
[JsonSerializable(typeof(ChatEvent))]
public sealed partial class ChatJson : JsonSerializerContext;
