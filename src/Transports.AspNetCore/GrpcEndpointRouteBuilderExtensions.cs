using Microsoft.AspNetCore.Routing;
using Transports;

namespace Microsoft.AspNetCore.Builder;

/// <summary>Maps gRPC methods to channel handlers.</summary>
public static class GrpcEndpointRouteBuilderExtensions
{
    /// <summary>
    /// Serves a method of a <c>.proto</c> that somebody else owns: each call of it, by gRPC or gRPC-Web, becomes a channel whose messages are the
    /// method's, as they are.
    /// </summary>
    /// <param name="endpoints">The endpoints.</param>
    /// <param name="method">The method, <c>package.Service/Method</c>.</param>
    /// <param name="handler">Called for each call. When it has completed, the call ends with OK, or with what <see cref="IGrpcServerCallFeature.SetStatus"/> was told; when it throws, with UNKNOWN; also while the application stops.
    /// An answer that must go out then is not sent with the handler's token, which is cancelled.</param>
    /// <param name="options">Limits and habits of this method; by default those configured with <c>services.Configure&lt;MessageChannelEndpointOptions&gt;(…)</c>.</param>
    /// <returns>For conventions, such as authorization.</returns>
    /// <remarks>
    /// gRPC needs HTTP/2. With TLS it is negotiated; an endpoint in cleartext needs <c>HttpProtocols.Http2</c> alone. Clients that stop without a
    /// word are noticed by Kestrel's HTTP/2 pings: see <see cref="MessageChannelEndpointOptions.Http2"/>. Set
    /// <c>Limits.MinResponseDataRate</c> to <see langword="null"/> where clients may read slowly. Calls of methods that the service does not have end with UNIMPLEMENTED.
    /// Those of a service of which nothing is mapped are not found (404), which clients of gRPC take for the same.
    /// </remarks>
    /// <exception cref="ArgumentException">The method is not of that form.</exception>
    public static IEndpointConventionBuilder MapGrpcMessageChannel(
        this IEndpointRouteBuilder endpoints,
        string method,
        MessageChannelHandler handler,
        MessageChannelEndpointOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(endpoints);
        ArgumentException.ThrowIfNullOrEmpty(method);
        ArgumentNullException.ThrowIfNull(handler);
        var parts = method.Split('/');
        if (parts.Length != 2 || parts[0].Length == 0 || parts[1].Length == 0 || method.AsSpan().ContainsAny("{}*? "))
        {
            throw new ArgumentException($"'{method}' is not a gRPC method. Write package.Service/Method, as in the .proto.", nameof(method));
        }

        var runner = ChannelRunner.Create(endpoints, handler, options);
        var endpoint = new ChannelEndpoint([new GrpcChannelProtocol(runner)], runner.Options.Guard);
        GrpcUnknownMethod.Map(endpoints, parts[0], runner.Options, runner.Logger);
        return endpoints.Map("/" + method, endpoint.InvokeAsync).WithDisplayName($"gRPC {method}");
    }
}
