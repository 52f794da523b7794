using Microsoft.AspNetCore.Http;

namespace Transports.AspNetCore;

/// <summary>One route: hands each request to the protocol that recognizes it, and refuses the rest.</summary>
internal sealed class ChannelEndpoint(IReadOnlyList<IChannelProtocol> protocols, ConnectionGuard? guard)
{
    public Task InvokeAsync(HttpContext context)
    {
        foreach (var protocol in protocols)
        {
            if (protocol.Recognizes(context))
            {
                return guard is not null && protocol.OpensChannel(context)
                    ? GuardedRequest.InvokeAsync(context, guard, protocol)
                    : protocol.InvokeAsync(context);
            }
        }

        var expects = string.Join("; or ", protocols.Select(static protocol => protocol.Expects));
        var detail = $"This address takes {expects}.";
        var method = HttpMethods.GetCanonicalizedValue(context.Request.Method);
        var allowed = protocols.Select(static protocol => protocol.Method).Distinct().ToList();
        if (!allowed.Contains(HttpMethods.IsHead(method) ? HttpMethods.Get : method))
        {
            context.Response.Headers.Allow = string.Join(", ", allowed);
            return Problem.WriteAsync(context, StatusCodes.Status405MethodNotAllowed, "Not a way to open a message channel.", detail);
        }

        // A GET asks for something else than there is; a POST brings something else than is taken (gRPC's PROTOCOL-HTTP2.md, "Requests").
        return Problem.WriteAsync(
            context,
            HttpMethods.IsPost(method) ? StatusCodes.Status415UnsupportedMediaType : StatusCodes.Status406NotAcceptable,
            "Not a way to open a message channel.",
            detail);
    }
}
