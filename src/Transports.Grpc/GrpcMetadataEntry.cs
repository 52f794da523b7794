namespace Transports;

/// <summary>One entry of a call's metadata.</summary>
/// <param name="Key">The key, in lower case. One that ends with <c>-bin</c> has a binary value.</param>
/// <param name="Value">The value of a text entry; of a binary one <see langword="null"/>.</param>
/// <param name="BinaryValue">The value of a binary entry; of a text one empty.</param>
public readonly record struct GrpcMetadataEntry(string Key, string? Value, ReadOnlyMemory<byte> BinaryValue);
