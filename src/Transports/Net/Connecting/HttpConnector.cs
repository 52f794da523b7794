using System.Collections.Concurrent;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;

namespace Transports.Extensibility;

/// <summary>How an HTTP handler connects and checks its servers, the same for every transport over HTTP; and why it could not.</summary>
/// <param name="tls">How to show this side over TLS and to check the server.</param>
/// <param name="keepAlive">How the sockets ask whether their peer is still there.</param>
/// <param name="timeProvider">The clock of the attempts.</param>
/// <remarks>For transports. One for each handler; any number of connections may be opened at once.</remarks>
public sealed class HttpConnector(TlsClientOptions tls, TcpKeepAliveOptions keepAlive, TimeProvider timeProvider)
{
    // Somebody may connect to ever other hosts, and seldom asks why.
    private const int MaxRefusals = 64;

    private readonly ConcurrentDictionary<string, string> _refusals = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Makes a handler connect to every address of a name (<see cref="TcpConnector"/>), and check certificates as the options say.</summary>
    /// <param name="handler">The handler, before its first request. What it has set itself afterwards holds.</param>
    public void Configure(SocketsHttpHandler handler)
    {
        ArgumentNullException.ThrowIfNull(handler);
        handler.ConnectCallback = new TcpConnector { KeepAlive = keepAlive, TimeProvider = timeProvider }.ConnectAsync;
        handler.SslOptions = tls.CreateAuthenticationOptions(host: null);
        handler.SslOptions.RemoteCertificateValidationCallback = Validate;
    }

    /// <summary>Why a request could not be sent, and what to do about it.</summary>
    /// <param name="address">Where to.</param>
    /// <param name="exception">What the handler threw.</param>
    public string Explain(Uri address, Exception exception)
    {
        ArgumentNullException.ThrowIfNull(address);
        ArgumentNullException.ThrowIfNull(exception);
        for (var current = exception; current is not null; current = current.InnerException)
        {
            switch (current)
            {
                case AuthenticationException when _refusals.TryGetValue(address.IdnHost, out var refusal):
                    return $"The TLS handshake failed. {refusal}";
                case AuthenticationException:
                    return $"The TLS handshake failed: {TlsErrors.Reason(current)} Check that the server speaks TLS on this port, and, if it asks for a client certificate, that TlsClientOptions.ClientCertificates has one that it trusts.";
                case SocketException:
                    return current.Message;
            }
        }

        // The innermost message is the one that says something.
        var innermost = exception.GetBaseException().Message;
        return exception.Message.Contains(innermost, StringComparison.Ordinal) ? exception.Message : $"{exception.Message} {innermost}";
    }

    private bool Validate(object sender, X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        // One check for each handshake: several may fail at once.
        var check = tls.CreateCheck(expectedName: tls.TargetHost);
        if (check.Validate(sender, certificate, chain, errors))
        {
            return true;
        }

        var host = (sender as SslStream)?.TargetHostName ?? "";
        if (_refusals.Count >= MaxRefusals)
        {
            _refusals.Clear();
        }

        _refusals[host] = TlsErrors.ExplainServerCertificate(check, tls.TargetHost ?? host);
        return false;
    }
}
