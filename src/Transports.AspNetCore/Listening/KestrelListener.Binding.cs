using System.Net;
using System.Net.Quic;
using System.Net.Security;
using System.Net.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;

namespace Transports.AspNetCore;

/// <content>How it binds its address and sets its sockets and TLS up.</content>
internal sealed partial class KestrelListener
{
    // Kestrel would listen without HTTP/3 and say nothing, or throw what says nothing about the option.
    private static void CheckHttp3(Uri address, HttpProtocols protocols, bool isEncrypted)
    {
        if (!isEncrypted)
        {
            throw new ArgumentException($"HTTP/3 is always encrypted, and {AddressText.Of(address)} is not: listen at an encrypted address, or leave HTTP/3 out of Protocols.", nameof(address));
        }

        if (!QuicListener.IsSupported)
        {
            throw new TransportUnavailableException(
                "MsQuic, which HTTP/3 needs",
                "On Linux install libmsquic 2.2 or later; on Windows it is there from Windows 11 and Server 2022 on. Or leave HTTP/3 out of Protocols.");
        }

        if (address.Port <= 0 && protocols != HttpProtocols.Http3)
        {
            throw new ArgumentException(
                $"HTTP/3 beside another version needs the same number as a TCP and a UDP port, and {AddressText.Of(address)} leaves the number open: name a port, or set Protocols to Http3 alone.",
                nameof(address));
        }
    }

    private static Task ServeConnectionAsync(ConnectionContext connection, TcpKeepAliveOptions keepAlive, ConnectionDelegate next)
    {
        if (connection.Features.Get<IConnectionSocketFeature>()?.Socket is { } socket)
        {
            try
            {
                keepAlive.Apply(socket);
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                // The peer has reset it already, as its first read will tell.
            }
        }

        return next(connection);
    }

    private static SslServerAuthenticationOptions OptionsFor(
        TlsServerOptions tls, Func<string?, SslStreamCertificateContext> certificate, SslClientHelloInfo hello)
    {
        var options = tls.CreateAuthenticationOptions(certificate(hello.ServerName is { Length: > 0 } name ? name : null));

        // Kestrel's, by the HTTP versions spoken here.
        options.ApplicationProtocols = null;
        return options;
    }

    private static int FreeLoopbackPort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }

    private static void Bind(KestrelServerOptions kestrel, Uri address, Action<ListenOptions> configure)
    {
        // With the zone of an IPv6 address.
        var host = address.IdnHost;
        if (HostAddress.IsLocalhostName(host))
        {
            kestrel.ListenLocalhost(address.Port, configure);
        }
        else if (IPAddress.TryParse(host, out var ip))
        {
            kestrel.Listen(ip, address.Port, configure);
        }
        else
        {
            throw new ArgumentException($"Cannot listen at '{AddressText.Of(address)}': '{host}' is a name. Write localhost, an IP address of this machine, or [::] for all of its addresses.", nameof(address));
        }
    }

    private static Uri BoundAddress(Uri address, WebApplication application)
    {
        if (address.Port > 0)
        {
            return address;
        }

        var bound = application.Services.GetRequiredService<IServer>().Features.GetRequiredFeature<IServerAddressesFeature>().Addresses.First();
        return HostAddress.ChangeScheme(address, address.Scheme, BindingAddress.Parse(bound).Port);
    }
}
