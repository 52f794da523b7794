using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;

namespace Transports;

/// <summary>What the TLS handshake under a channel agreed on, through <see cref="IMessageChannel.GetFeature{TFeature}"/>; absent where this side has no TLS, or cannot see it.</summary>
public interface ITlsFeature
{
    /// <summary>The TLS version.</summary>
    SslProtocols SslProtocol { get; }

    /// <summary>The cipher suite.</summary>
    TlsCipherSuite NegotiatedCipherSuite { get; }

    /// <summary>The application protocol agreed by ALPN (RFC 7301); the default value when none was.</summary>
    SslApplicationProtocol NegotiatedApplicationProtocol { get; }

    /// <summary>The peer's certificate, checked; <see langword="null"/> on a server that does not ask for one. It belongs to the connection.</summary>
    X509Certificate2? RemoteCertificate { get; }

    /// <summary>The server's name: what the client asked for by SNI (RFC 6066, section 3); empty when it named none.</summary>
    string TargetHostName { get; }
}
