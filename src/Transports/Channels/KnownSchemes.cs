namespace Transports.Engine;

/// <summary>Which call of which package adds a scheme, to connect and to listen, for the error about one that is missing.</summary>
/// <remarks>
/// A package says so itself through a runtime option, <c>Transports.Schemes.{scheme}</c>, which is there as soon as the package is referred to, without loading anything of it.
/// The table is for this library's own packages: of one that is not referred to at all, nothing can speak.
/// </remarks>
internal static class KnownSchemes
{
    private const string OptionPrefix = "Transports.Schemes.";

    private static readonly KnownScheme[] Known =
    [
        new("mem", "AddMemory() from the package Transports"),
        new("tcp", "AddTcp() from the package Transports.Tcp"),
        new("tls", "AddTcp() from the package Transports.Tcp"),
        new("unix", "AddTcp() from the package Transports.Tcp"),
        new("udp", "AddUdp() from the package Transports.Udp"),
        new("quic", "AddQuic() from the package Transports.Quic"),
        new("ws", "AddWebSockets() from the package Transports.WebSockets", "AddKestrel() from the package Transports.AspNetCore"),
        new("wss", "AddWebSockets() from the package Transports.WebSockets", "AddKestrel() from the package Transports.AspNetCore"),
        new("sse+http", "AddSse() from the package Transports.Sse", "AddKestrel() from the package Transports.AspNetCore"),
        new("sse+https", "AddSse() from the package Transports.Sse", "AddKestrel() from the package Transports.AspNetCore"),
        new("grpc+http", "AddGrpc() from the package Transports.Grpc", "AddKestrel() from the package Transports.AspNetCore"),
        new("grpc+https", "AddGrpc() from the package Transports.Grpc", "AddKestrel() from the package Transports.AspNetCore"),
    ];

    /// <summary>The error about a scheme that nothing registered can connect to.</summary>
    public static string ExplainConnect(string scheme, IEnumerable<string> registered)
        => Explain($"connects to '{scheme}' addresses", registered, Announced(scheme, ".Connect") ?? Find(scheme)?.Connect);

    /// <summary>The error about a scheme that nothing registered can listen at.</summary>
    public static string ExplainListen(string scheme, IEnumerable<string> registered)
        => Explain($"listens at '{scheme}' addresses", registered, Announced(scheme, ".Listen") ?? Find(scheme)?.Listen ?? Find(scheme)?.Connect);

    private static KnownScheme? Find(string scheme) => Array.Find(Known, known => known.Scheme.Equals(scheme, StringComparison.OrdinalIgnoreCase));

    // A Uri gives its scheme in lower case.
    private static string? Announced(string scheme, string side)
        => AppContext.GetData(OptionPrefix + scheme + side) as string ?? AppContext.GetData(OptionPrefix + scheme) as string;

    private static string Explain(string does, IEnumerable<string> registered, string? call)
    {
        var names = string.Join(", ", registered.Order(StringComparer.Ordinal));
        var have = names.Length == 0 ? "No transport is registered that does so at all." : $"Registered for that are: {names}.";
        return call is null
            ? $"No registered transport {does}. {have} Add one of your own with services.AddTransports().AddTransport<T>()."
            : $"No registered transport {does}. {have} Add it with services.AddTransports().{call}.";
    }

    /// <summary>The call that adds a scheme; where another adds its listening side, that one too.</summary>
    private sealed record KnownScheme(string Scheme, string Connect, string? Listen = null);
}
