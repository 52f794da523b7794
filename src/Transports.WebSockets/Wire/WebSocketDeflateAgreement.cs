using System.Globalization;

namespace Transports.WebSockets;

/// <summary>What both sides agreed on for permessage-deflate (RFC 7692, section 7.1): who offers what, and what an answer may say.</summary>
/// <param name="WindowBits">The window this side's compressor must keep to: its base-2 logarithm, 8 to 15.</param>
/// <remarks>
/// The platform's deflate has one window, of 15 bits, and a message without context takeover refers to nothing before it. So a message no
/// longer than the agreed window keeps to it by itself, and a longer one is sent as it is.
/// </remarks>
internal sealed record WebSocketDeflateAgreement(int WindowBits)
{
    /// <summary>What this side offers as a client: it keeps no context, asks the server for none, and keeps to any window.</summary>
    public const string Offer = $"{Name}; {ServerNoContext}; {ClientNoContext}; {ClientWindow}";

    private const string Name = "permessage-deflate";
    private const string ServerNoContext = "server_no_context_takeover";
    private const string ClientNoContext = "client_no_context_takeover";
    private const string ServerWindow = "server_max_window_bits";
    private const string ClientWindow = "client_max_window_bits";
    private const int MinWindowBits = 8;
    private const int MaxWindowBits = 15;

    /// <summary>The longest message compressed, in bytes.</summary>
    public int MaxMessage => WindowBits == MaxWindowBits ? int.MaxValue : 1 << WindowBits;

    /// <summary>The answer of a server with this agreement.</summary>
    public string Answer
    {
        get
        {
            var answer = $"{Name}; {ServerNoContext}; {ClientNoContext}";
            return WindowBits == MaxWindowBits ? answer : string.Create(CultureInfo.InvariantCulture, $"{answer}; {ServerWindow}={WindowBits}");
        }
    }

    /// <summary>An agreement without limits beyond those of the algorithm.</summary>
    public static WebSocketDeflateAgreement Default { get; } = new(MaxWindowBits);

    /// <summary>For a server: takes the first of a client's offers that is valid.</summary>
    /// <param name="offers">The values of Sec-WebSocket-Extensions.</param>
    /// <returns><see langword="null"/> when there is none: the connection goes on without compression.</returns>
    public static WebSocketDeflateAgreement? FromOffers(IEnumerable<string?> offers)
    {
        foreach (var offer in offers.SelectMany(static value => (value ?? "").Split(',')))
        {
            // RFC 7692, section 7.1: an offer with an unknown parameter, or an invalid value, must be declined.
            if (Parse(offer) is { } parameters
                && parameters.All(static parameter => parameter.Key switch
                {
                    ServerNoContext or ClientNoContext => parameter.Value is null,
                    ServerWindow => IsWindow(parameter.Value),
                    ClientWindow => parameter.Value is null || IsWindow(parameter.Value),
                    _ => false,
                }))
            {
                return WithWindow(parameters, ServerWindow);
            }
        }

        return null;
    }

    /// <summary>For a client: what a server's answer to <see cref="Offer"/> says.</summary>
    /// <param name="answers">The values of Sec-WebSocket-Extensions.</param>
    /// <returns><see langword="null"/> when the server declined.</returns>
    /// <exception cref="TransportException">It is not an answer to that offer.</exception>
    public static WebSocketDeflateAgreement? FromAnswer(IReadOnlyCollection<string> answers)
    {
        var answer = string.Join(", ", answers);
        if (string.IsNullOrWhiteSpace(answer))
        {
            // A header without a value names no extension (RFC 9110, section 5.6.1).
            return null;
        }

        if (Parse(answer) is not { } parameters)
        {
            throw new TransportException($"The server answered with the WebSocket extension '{answer}', which was not offered (RFC 6455, section 9.1).");
        }

        if (!parameters.ContainsKey(ServerNoContext))
        {
            throw new TransportException($"The server answered '{answer}', and keeps its compressor's context though it was asked not to (RFC 7692, section 7.1.1.1). Turn EnableCompression off to talk to it without.");
        }

        // An answer may name the server's window unasked (section 7.1.2.1); windows have a value in answers.
        if (parameters.All(static parameter => parameter.Key switch
        {
            ServerNoContext or ClientNoContext => parameter.Value is null,
            ServerWindow or ClientWindow => IsWindow(parameter.Value),
            _ => false,
        }))
        {
            return WithWindow(parameters, ClientWindow);
        }

        throw new TransportException($"The server answered '{answer}', with parameters that are not those of RFC 7692, section 7.1. Turn EnableCompression off to talk to it without.");
    }

    private static WebSocketDeflateAgreement WithWindow(Dictionary<string, string?> parameters, string name)
        => parameters.GetValueOrDefault(name) is { } bits ? new WebSocketDeflateAgreement(int.Parse(bits, CultureInfo.InvariantCulture)) : Default;

    // Section 7.1.2: a decimal number without leading zeros.
    private static bool IsWindow(string? value)
        => value is { Length: 1 or 2 } && value[0] != '0' && value.All(char.IsAsciiDigit)
            && int.Parse(value, CultureInfo.InvariantCulture) is >= MinWindowBits and <= MaxWindowBits;

    // Null for another extension, and for one of this name that names a parameter twice. A parameter without a value has null.
    private static Dictionary<string, string?>? Parse(string extension)
    {
        var parts = extension.Split(';', StringSplitOptions.TrimEntries);
        if (!parts[0].Equals(Name, StringComparison.OrdinalIgnoreCase))
        {
            return null;
        }

        var parameters = new Dictionary<string, string?>(StringComparer.Ordinal);
        foreach (var part in parts.AsSpan(1))
        {
            var equals = part.IndexOf('=', StringComparison.Ordinal);
            var name = equals < 0 ? part : part[..equals].TrimEnd();
            if (!parameters.TryAdd(name.ToLowerInvariant(), equals < 0 ? null : Unquote(part[(equals + 1)..].Trim())))
            {
                return null;
            }
        }

        return parameters;
    }

    private static string Unquote(string value) => value is ['"', .. var inner, '"'] ? inner : value;
}
