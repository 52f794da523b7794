using System.Runtime.CompilerServices;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Routing.Patterns;
using Microsoft.Extensions.Logging;

namespace Transports.AspNetCore;

/// <summary>The answer to a call of a method that nobody serves: UNIMPLEMENTED, in the words of gRPC and not in those of HTTP.</summary>
internal static class GrpcUnknownMethod
{
    private static readonly ConditionalWeakTable<IEndpointRouteBuilder, HashSet<string>> Mapped = [];
    private static int s_mapped;

    /// <summary>Answers gRPC calls to what a service does not have. Once for each service, however many of its methods are mapped.</summary>
    public static void Map(IEndpointRouteBuilder endpoints, string service, ProtocolOptions options, ILogger logger)
    {
        var services = Mapped.GetOrCreateValue(endpoints);
        lock (services)
        {
            if (!services.Add(service))
            {
                return;
            }
        }

        // Behind all others, and no two in one place: two groups of routes with the same prefix would be ambiguous.
        var pattern = RoutePatternFactory.Parse($"/{service}/{{method}}", defaults: null, new RouteValueDictionary { ["method"] = new CallConstraint() });
        endpoints.Map(pattern, context => RefuseAsync(context, options, logger))
            .WithDisplayName($"gRPC {service}, unknown methods")
            .WithOrder(int.MaxValue - Interlocked.Increment(ref s_mapped));
    }

    /// <summary>Ends a call.</summary>
    public static void Refuse(HttpContext context, IMessageChannel channel, ILogger logger)
    {
        var call = channel.GetFeature<IGrpcServerCallFeature>()!;
        var reason = $"There is no method {call.Method} here.";
        Log.GrpcCallRefused(logger, call.Method, context.Connection.Id, GrpcStatusCode.Unimplemented, reason);
        call.SetStatus(GrpcStatusCode.Unimplemented, reason);
    }

    private static Task RefuseAsync(HttpContext context, ProtocolOptions options, ILogger logger) => GrpcCallHandler.HandleAsync(
        context,
        hasEnvelope: false,
        options.Channels,
        options.Grpc.CreateCompression(),
        logger,
        channel =>
        {
            Refuse(context, channel, logger);
            return Task.CompletedTask;
        });

    /// <summary>Only calls: what else is not found is somebody else's to say.</summary>
    private sealed class CallConstraint : IRouteConstraint
    {
        public bool Match(HttpContext? httpContext, IRouter? route, string routeKey, RouteValueDictionary values, RouteDirection routeDirection)
            => httpContext is not null && GrpcRequest.IsCall(httpContext.Request);
    }
}
