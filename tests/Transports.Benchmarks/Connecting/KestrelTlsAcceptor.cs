using System.Net;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Transports.Benchmarks;

/// <summary>Kestrel with TLS and without HTTP: its connections are handed on once their handshake is done.</summary>
internal sealed class KestrelTlsAcceptor : IAsyncDisposable
{
    private readonly WebApplication _application;

    private KestrelTlsAcceptor(WebApplication application) => _application = application;

    /// <summary>Where it listens.</summary>
    public IPEndPoint EndPoint => new(IPAddress.Loopback, new Uri(_application.Urls.First()).Port);

    /// <summary>Listens at a free port.</summary>
    /// <param name="certificate">The server's.</param>
    public static async Task<KestrelTlsAcceptor> OpenAsync(X509Certificate2 certificate)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen =>
        {
            // Else it offers HTTP/2 in its handshake, and looks for what the client prefers.
            listen.Protocols = HttpProtocols.Http1;
            listen.UseHttps(certificate);
            listen.Run(KestrelSocketAcceptor.ServeAsync);
        }));
        var application = builder.Build();
        await application.StartAsync();
        return new KestrelTlsAcceptor(application);
    }

    public ValueTask DisposeAsync() => _application.DisposeAsync();
}
