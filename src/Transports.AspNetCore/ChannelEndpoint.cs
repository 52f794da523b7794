using Microsoft.AspNetCore.Http;

namespace Transports;

/// <summary>One route: hands each request to the protocol that recognizes it, and refuses the rest.</summary>
internal sealed class ChannelEndpoint(IReadOnlyList<IChannelProtocol> protocols)
{
    public Task InvokeAsync(HttpContext context)
    {
        foreach (var protocol in protocols)
        {
            if (protocol.Recognizes(context))
            {
                return protocol.InvokeAsync(context);
            }
        }

        var expects = string.Join("; or ", protocols.Select(static protocol => protocol.Expects));
        if (HttpMethods.IsGet(context.Request.Method) || HttpMethods.IsHead(context.Request.Method))
        {
            return Problem.WriteAsync(context, StatusCodes.Status406NotAcceptable, "Not a way to open a message channel.", $"This address takes {expects}.");
        }

        context.Response.Headers.Allow = HttpMethods.Get;
        return Problem.WriteAsync(context, StatusCodes.Status405MethodNotAllowed, "Not a way to open a message channel.", $"This address takes {expects}.");
    }
}
