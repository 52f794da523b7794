using System.Globalization;
using System.Net;

namespace Transports.WebSockets;

/// <summary>Says why a WebSocket could not be opened, and what to do about it.</summary>
internal static class WebSocketClientErrors
{
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
}
