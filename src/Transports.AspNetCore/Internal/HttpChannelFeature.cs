using System.Net;
using System.Security.Claims;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;

namespace Transports.AspNetCore;

/// <summary>Copies what a handler may ask of the request that opened its channel.</summary>
internal sealed class HttpChannelFeature : IHttpChannelFeature, IConnectionEndPointFeature
{
    public HttpChannelFeature(HttpContext context)
    {
        var request = context.Request;
        User = context.User;
        Headers = new HeaderDictionary();
        foreach (var (name, value) in request.Headers)
        {
            Headers[name] = value;
        }

        RequestUri = AddressOf(context, request.Scheme);
        RouteValues = new Dictionary<string, object?>(request.RouteValues, StringComparer.OrdinalIgnoreCase);
        Protocol = request.Protocol;
        ConnectionId = context.Connection.Id;
        RemoteEndPoint = EndPoint(context.Connection.RemoteIpAddress, context.Connection.RemotePort);
        LocalEndPoint = EndPoint(context.Connection.LocalIpAddress, context.Connection.LocalPort);
        ClientCertificate = context.Connection.ClientCertificate;
        Tls = context.Features.Get<ISslStreamFeature>() is { } tls ? new TlsFeature(tls.SslStream) : null;
    }

    public ClaimsPrincipal User { get; }

    public IHeaderDictionary Headers { get; }

    public Uri RequestUri { get; }

    public IReadOnlyDictionary<string, object?> RouteValues { get; }

    public string Protocol { get; }

    public string ConnectionId { get; }

    public EndPoint? RemoteEndPoint { get; }

    public EndPoint? LocalEndPoint { get; }

    public X509Certificate2? ClientCertificate { get; }

    /// <summary>The TLS of the connection; <see langword="null"/> without, or where the server is not Kestrel.</summary>
    public ITlsFeature? Tls { get; }

    /// <summary>What a channel tells of its request, by the type of feature.</summary>
    public object? Find(Type feature)
        => feature == typeof(ITlsFeature) ? Tls : feature == typeof(IHttpChannelFeature) || feature == typeof(IConnectionEndPointFeature) ? this : null;

    /// <summary>The address of this end, under the transport's own scheme.</summary>
    public static Uri AddressOf(HttpContext context, string scheme)
    {
        var request = context.Request;
        var text = $"{scheme}://{request.Host.ToUriComponent()}{request.PathBase.ToUriComponent()}{request.Path.ToUriComponent()}{request.QueryString.ToUriComponent()}";

        // A Host header may be missing or nonsense (HTTP/1.0, a scanner); the connection's own end will do.
        return Uri.TryCreate(text, UriKind.Absolute, out var address)
            ? address
            : HostAddress.ToUri(scheme, (context.Connection.LocalIpAddress ?? IPAddress.Loopback).ToString(), context.Connection.LocalPort);
    }

    /// <summary>The address of the client, under the transport's own scheme.</summary>
    public Uri? RemoteAddress(string scheme) => HostAddress.ToUri(scheme, RemoteEndPoint);

    private static IPEndPoint? EndPoint(IPAddress? address, int port)
        => address is null ? null : new IPEndPoint(address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address, port);
}
