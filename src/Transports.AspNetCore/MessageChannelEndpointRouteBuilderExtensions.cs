using System.Diagnostics.CodeAnalysis;
using Microsoft.AspNetCore.Routing;
using Transports;

namespace Microsoft.AspNetCore.Builder;

/// <summary>Serves message channels at routes of a web application.</summary>
public static class MessageChannelEndpointRouteBuilderExtensions
{
    /// <summary>Serves channels at a route, over whichever protocol the client opens: WebSocket (HTTP/1.1 and HTTP/2), server-sent events, gRPC and gRPC-Web.</summary>
    /// <param name="endpoints">The application's routes.</param>
    /// <param name="pattern">The route, such as <c>/chat</c> or <c>/rooms/{room}</c>; its values are in <see cref="IHttpChannelFeature.RouteValues"/>.</param>
    /// <param name="handler">Serves each channel; the channel is disposed when it is done. It may go on when its channel has ended; the request, and what belongs to it, ends with the channel's connection.</param>
    /// <param name="options">Limits and habits of this route; by default those configured with <c>services.Configure&lt;MessageChannelEndpointOptions&gt;(…)</c>.</param>
    /// <returns>The endpoint's conventions: <c>RequireAuthorization()</c>, <c>RequireCors(…)</c>, <c>RequireRateLimiting(…)</c>, <c>RequireHost(…)</c> work as on any endpoint.</returns>
    public static IEndpointConventionBuilder MapMessageChannel(
        this IEndpointRouteBuilder endpoints,
        [StringSyntax("Route")] string pattern,
        MessageChannelHandler handler,
        MessageChannelEndpointOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(endpoints);
        ArgumentNullException.ThrowIfNull(pattern);
        ArgumentNullException.ThrowIfNull(handler);
        var runner = ChannelRunner.Create(endpoints, handler, options);
        var endpoint = new ChannelEndpoint(ChannelProtocols.All(runner), runner.Options.Guard);
        return endpoints.Map(pattern, endpoint.InvokeAsync).WithDisplayName($"Message channel {pattern}");
    }

    /// <summary>Serves channels at a route with a handler made for each, with its own scope of services.</summary>
    /// <typeparam name="THandler">The handler; made anew, in a scope of its own, for each channel, unless it is registered otherwise. It need not be registered.</typeparam>
    /// <param name="endpoints">The application's routes.</param>
    /// <param name="pattern">The route; see <see cref="MapMessageChannel(IEndpointRouteBuilder, string, MessageChannelHandler, MessageChannelEndpointOptions?)"/>.</param>
    /// <param name="options">Limits and habits of this route.</param>
    /// <returns>The endpoint's conventions.</returns>
    public static IEndpointConventionBuilder MapMessageChannel<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] THandler>(
        this IEndpointRouteBuilder endpoints,
        [StringSyntax("Route")] string pattern,
        MessageChannelEndpointOptions? options = null)
        where THandler : class, IMessageChannelHandler
    {
        ArgumentNullException.ThrowIfNull(endpoints);
        return endpoints.MapMessageChannel(pattern, ScopedHandler.Create<THandler>(endpoints.ServiceProvider), options);
    }
}
