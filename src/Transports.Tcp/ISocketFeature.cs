using System.Net;

namespace Transports;

/// <summary>The socket under a channel, through <see cref="IMessageChannel.GetFeature{TFeature}"/>.</summary>
public interface ISocketFeature
{
    /// <summary>This end of the connection, as it was when it was opened. For a Unix domain socket that dialled, an endpoint without a path.</summary>
    EndPoint? LocalEndPoint { get; }

    /// <summary>The other end: the address that was reached, of those that the name had.</summary>
    EndPoint? RemoteEndPoint { get; }
}
