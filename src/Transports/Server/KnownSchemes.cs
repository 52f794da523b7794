namespace Transports;

/// <summary>Which call of which package adds a scheme, to connect and to listen, for the error about one that is missing.</summary>
internal static class KnownSchemes
{
    private static readonly KnownScheme[] Known =
    [
        new(["mem"], new("AddMemory()", "Transports"), new("AddMemory()", "Transports")),
        new(["tcp", "tls", "unix"], new("AddTcp()", "Transports.Tcp"), new("AddTcp()", "Transports.Tcp")),
        new(["udp"], new("AddUdp()", "Transports.Udp"), new("AddUdp()", "Transports.Udp")),
        new(["quic"], new("AddQuic()", "Transports.Quic"), new("AddQuic()", "Transports.Quic")),
        new(["ws", "wss"], new("AddWebSockets()", "Transports.WebSockets"), new("AddAspNetCore()", "Transports.AspNetCore")),
        new(["sse+http", "sse+https"], new("AddSse()", "Transports.Sse"), new("AddAspNetCore()", "Transports.AspNetCore")),
        new(["grpc+http", "grpc+https"], new("AddGrpc()", "Transports.Grpc"), new("AddGrpcServer()", "Transports.AspNetCore")),
    ];

    /// <summary>The error about a scheme that nothing registered can connect to.</summary>
    public static string ExplainConnect(string scheme, IEnumerable<string> registered)
        => Explain($"connects to '{scheme}' addresses", scheme, registered, static known => known.Connect);

    /// <summary>The error about a scheme that nothing registered can listen at.</summary>
    public static string ExplainListen(string scheme, IEnumerable<string> registered)
        => Explain($"listens at '{scheme}' addresses", scheme, registered, static known => known.Listen);

    private static string Explain(string does, string scheme, IEnumerable<string> registered, Func<KnownScheme, Registration> by)
    {
        var names = string.Join(", ", registered.Order(StringComparer.Ordinal));
        var have = names.Length == 0 ? "No transport is registered that does so at all." : $"Registered for that are: {names}.";
        var missing = Array.Find(Known, known => known.Schemes.Contains(scheme, StringComparer.OrdinalIgnoreCase));
        return missing is null
            ? $"No registered transport {does}. {have} Add one of your own with services.AddTransports().AddTransport<T>()."
            : $"No registered transport {does}. {have} Add it with services.AddTransports().{by(missing).Call} from the package {by(missing).Package}.";
    }

    private sealed record KnownScheme(string[] Schemes, Registration Connect, Registration Listen);

    private sealed record Registration(string Call, string Package);
}
