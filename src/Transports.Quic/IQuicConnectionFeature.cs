using System.Net;
using System.Security.Cryptography.X509Certificates;

namespace Transports;

/// <summary>What the handshake of a QUIC connection has found: <c>channel.GetFeature&lt;IQuicConnectionFeature&gt;()</c>.</summary>
public interface IQuicConnectionFeature
{
    /// <summary>The address and port of this end.</summary>
    IPEndPoint LocalEndPoint { get; }

    /// <summary>The address and port of the other end.</summary>
    IPEndPoint RemoteEndPoint { get; }

    /// <summary>The other end's certificate, or <see langword="null"/> where it showed none. The connection's to dispose.</summary>
    X509Certificate2? RemoteCertificate { get; }

    /// <summary>The server name that the client asked for; empty when it named none.</summary>
    string TargetHostName { get; }
}
