namespace Transports;

/// <summary>Which call of which package adds a scheme, for the error about one that is missing.</summary>
internal static class KnownSchemes
{
    private static readonly (string[] Schemes, string Call, string Package)[] Known =
    [
        (["mem"], "AddMemory()", "Transports"),
        (["tcp", "tls", "unix"], "AddTcp()", "Transports.Tcp"),
        (["udp"], "AddUdp()", "Transports.Udp"),
        (["quic"], "AddQuic()", "Transports.Quic"),
        (["ws", "wss"], "AddWebSockets()", "Transports.WebSockets"),
        (["sse+http", "sse+https"], "AddSse()", "Transports.Sse"),
        (["grpc+http", "grpc+https"], "AddGrpc()", "Transports.Grpc"),
    ];

    public static string Explain(string scheme, IEnumerable<string> registered)
    {
        var names = string.Join(", ", registered.Order(StringComparer.Ordinal));
        var have = names.Length == 0 ? "No transport is registered." : $"Registered are: {names}.";
        foreach (var (schemes, call, package) in Known)
        {
            if (schemes.Contains(scheme, StringComparer.OrdinalIgnoreCase))
            {
                return $"No registered transport opens '{scheme}' addresses. {have} Add it with services.AddTransports().{call} from the package {package}.";
            }
        }

        return $"No registered transport opens '{scheme}' addresses. {have} Add one of your own with services.AddTransports().AddTransport<T>().";
    }
}
