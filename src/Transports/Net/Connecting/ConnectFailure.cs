using System.Net;

namespace Transports.Engine;

/// <summary>An address that was tried, and what happened.</summary>
internal sealed record ConnectFailure(EndPoint EndPoint, Exception Error);
