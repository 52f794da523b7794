using System.Net.Quic;
using System.Runtime.Versioning;
using System.Security.Authentication;

namespace Transports.Quic;

/// <summary>Why no connection was opened, and what to do about it.</summary>
[SupportedOSPlatform("linux")]
[SupportedOSPlatform("macos")]
[SupportedOSPlatform("windows")]
internal static class QuicConnectErrors
{
    /// <summary>TLS ended the handshake. Not every such end is about certificates; what this side refused in the server's is told already.</summary>
    public static TransportException OfHandshake(Uri address, QuicTransportOptions options, AuthenticationException error, string? refusal = null)
    {
        if (refusal is not null)
        {
            return new TransportException($"The TLS handshake with {AddressText.Of(address)} failed. {refusal}", error);
        }

        // System.Net.Quic tells the alert in its text only. A server that gives a handshake up sends user_canceled (RFC 8446, section 6).
        var advice = error.Message.Contains("UserCanceled", StringComparison.OrdinalIgnoreCase)
            ? "The server gave the handshake up: its HandshakeTimeout passed, or it stops or is overloaded. Try again, or raise HandshakeTimeout there."
            : $"Check that both ends speak '{options.ApplicationProtocol}', and, if the server asks for a client certificate, that TlsClientOptions.ClientCertificates has one that it trusts.";
        return new TransportException($"The handshake with {AddressText.Of(address)} failed. {error.Message} {advice}", error);
    }

    /// <summary>No address of the host gave a connection.</summary>
    public static TransportException OfConnection(Uri address, Exception? failure)
    {
        // MsQuic refuses new connections while its threads lag behind, too, and says the same as when the backlog is full.
        var advice = failure is QuicException { QuicError: QuicError.ConnectionRefused }
            ? "Check that a listener is there; if it is, it is overloaded or its ListenBacklog is full: try again later."
            : "Check that a listener is there and not overloaded, and that UDP is not blocked on the way.";
        return new TransportException($"No QUIC connection to {AddressText.Of(address)} could be opened. {failure?.Message ?? "The name has no address."} {advice}", failure);
    }

    /// <summary>All addresses together took too long.</summary>
    public static TransportException OfTimeout(Uri address, QuicTransportOptions options, Exception failure) => new(
        $"No QUIC connection to {AddressText.Of(address)} could be opened within {options.ConnectTimeout.TotalSeconds:0.###} seconds (ConnectTimeout). Check that a listener is there and that UDP is not blocked on the way, or raise ConnectTimeout.",
        failure);
}
