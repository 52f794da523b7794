using System.Globalization;
using System.Net;
using Transports.Extensibility;

namespace Transports;

/// <summary>Says why a WebSocket could not be opened, and what to do about it.</summary>
internal static class WebSocketClientErrors
{
    /// <summary>A failure before an answer came: the innermost message is the one that says something.</summary>
    public static string Explain(HttpRequestException error)
    {
        var innermost = error.GetBaseException();
        var reason = error.Message.Contains(innermost.Message, StringComparison.Ordinal) ? error.Message : $"{error.Message} {innermost.Message}";
        return error.HttpRequestError == HttpRequestError.SecureConnectionError ? $"{reason} {AdviseOnTls(reason)}".TrimEnd() : reason;
    }

    /// <summary>The beginning of a refusal, before the status.</summary>
    public static string Refusal(Uri address, HttpResponseMessage response)
    {
        var text = $"{AddressText.Of(address)} refused the WebSocket";
        if (response.StatusCode is HttpStatusCode.UpgradeRequired or HttpStatusCode.BadRequest
            && response.Headers.NonValidated.TryGetValues(WebSocketHandshake.VersionHeader, out var versions)
            && versions.ToString() != WebSocketHandshake.Version)
        {
            text = string.Create(CultureInfo.InvariantCulture, $"{text}, speaks version {versions} of the protocol and not {WebSocketHandshake.Version},");
        }

        return text + " with";
    }

    /// <summary>A subprotocol that is none of those offered.</summary>
    public static string SubProtocol(string chosen, IEnumerable<string> offered)
    {
        if (string.IsNullOrWhiteSpace(chosen))
        {
            return "The server answered with an empty Sec-WebSocket-Protocol, which names no subprotocol: one without any must leave the header out (RFC 6455, section 4.2.2).";
        }

        return offered.FirstOrDefault(name => name.Equals(chosen, StringComparison.OrdinalIgnoreCase)) is { } other
            ? $"The server chose the subprotocol '{chosen}', and '{other}' was offered: case counts (RFC 6455, section 4.1). Make both sides write it alike."
            : $"The server chose the subprotocol '{chosen}', which was not offered. Offer it in SubProtocols.";
    }

    // The platform names what is wrong with a certificate by these words.
    private static string AdviseOnTls(string reason)
    {
        var advice = new List<string>();
        if (reason.Contains("RemoteCertificateNameMismatch", StringComparison.Ordinal))
        {
            advice.Add("Connect by a name that the server's certificate has, or set SslOptions.TargetHost in ConfigureHandler.");
        }

        // With a wrong name the platform does not say what is wrong with the chain.
        if (reason.Contains("UntrustedRoot", StringComparison.Ordinal) || reason.Contains("PartialChain", StringComparison.Ordinal)
            || reason.Contains("RemoteCertificateChainErrors", StringComparison.Ordinal))
        {
            advice.Add("No trusted authority vouches for the server's certificate. If the authority is yours, add its certificate to the system's store, or to SslOptions.CertificateChainPolicy in ConfigureHandler.");
        }

        if (reason.Contains("NotTimeValid", StringComparison.Ordinal))
        {
            advice.Add("A certificate of the server is not valid now. Renew it, or set this machine's clock right.");
        }

        return string.Join(' ', advice);
    }
}
