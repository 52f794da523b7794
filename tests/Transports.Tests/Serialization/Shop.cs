using System.Text.Json.Serialization;

namespace Transports.Tests.Serialization;

public sealed record Order(int Number, string Item, List<string>? Notes = null);

public sealed record Receipt(int Number, bool Accepted);

[JsonSerializable(typeof(Order))]
[JsonSerializable(typeof(Receipt))]
[JsonSerializable(typeof(string))]
internal sealed partial class ShopContext : JsonSerializerContext;

[JsonSourceGenerationOptions(WriteIndented = true, AllowTrailingCommas = true, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(Order))]
internal sealed partial class IndentedShopContext : JsonSerializerContext;
