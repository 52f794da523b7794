using System.Security.Claims;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Http;

namespace Transports;

/// <summary>The HTTP request that opened a channel; from <see cref="IMessageChannel.GetFeature{TFeature}"/>.</summary>
/// <remarks>Taken when the channel was opened, so it can be read for as long as the channel lives, also where that is longer than the request. Beside it are <see cref="IConnectionEndPointFeature"/> and <see cref="ITlsFeature"/>.</remarks>
public interface IHttpChannelFeature
{
    /// <summary>Who opened it, as the authentication middleware found.</summary>
    ClaimsPrincipal User { get; }

    /// <summary>The request's headers.</summary>
    IHeaderDictionary Headers { get; }

    /// <summary>The request's address, as the client wrote it.</summary>
    Uri RequestUri { get; }

    /// <summary>The path's values, such as a room's name.</summary>
    IReadOnlyDictionary<string, object?> RouteValues { get; }

    /// <summary>The HTTP version, such as <c>HTTP/2</c>.</summary>
    string Protocol { get; }

    /// <summary>The connection's name in the server's logs.</summary>
    string ConnectionId { get; }

    /// <summary>The certificate the client showed, if any; also one that a proxy in front has passed on.</summary>
    X509Certificate2? ClientCertificate { get; }
}
