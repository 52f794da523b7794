using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;

namespace Transports;

/// <summary>What the TLS handshake of a channel agreed on, through <see cref="IMessageChannel.GetFeature{TFeature}"/>; absent without TLS.</summary>
public interface ITlsFeature
{
    /// <summary>The TLS version.</summary>
    SslProtocols Protocol { get; }

    /// <summary>The cipher suite.</summary>
    TlsCipherSuite CipherSuite { get; }

    /// <summary>The application protocol agreed by ALPN (RFC 7301); the default value when none was.</summary>
    SslApplicationProtocol ApplicationProtocol { get; }

    /// <summary>The peer's certificate, checked; <see langword="null"/> on a server that does not ask for one. It belongs to the channel.</summary>
    X509Certificate2? RemoteCertificate { get; }

    /// <summary>The server's name: what the client asked for by SNI (RFC 6066, section 3); empty when it named none.</summary>
    string HostName { get; }
}
