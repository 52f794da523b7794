using Microsoft.AspNetCore.Http;

namespace Transports.AspNetCore;

/// <summary>One way in which an endpoint's channels are opened. An endpoint asks its protocols in turn, the first that recognizes the request answers it.</summary>
internal interface IChannelProtocol
{
    /// <summary>What a request must be, for the answer to one that nobody recognizes: the end of "This address takes …".</summary>
    string Expects { get; }

    /// <summary>The HTTP method of its requests, for the answer to one that nobody recognizes.</summary>
    string Method => HttpMethods.Get;

    /// <summary>Whether the request is meant for this protocol, well-formed or not.</summary>
    /// <param name="context">The request.</param>
    bool Recognizes(HttpContext context);

    /// <summary>Whether a request that it recognizes opens a channel, rather than belonging to one that is open.</summary>
    /// <param name="context">The request.</param>
    bool OpensChannel(HttpContext context) => true;

    /// <summary>Answers the request, as a channel or with a refusal.</summary>
    /// <param name="context">The request.</param>
    /// <returns>Completes when the response is done.</returns>
    Task InvokeAsync(HttpContext context);
}
