using System.Net;
using System.Net.Sockets;

namespace Transports.Extensibility;

/// <summary>
/// Opens TCP connections to names that may have several addresses: a dead one among them holds nobody up (Happy Eyeballs, RFC 8305).
/// For transports; an HTTP handler is given it as <c>handler.ConnectCallback = connector.ConnectAsync</c>.
/// </summary>
/// <remarks>It has no timeout of its own: the token ends it. Any number of calls may overlap.</remarks>
public sealed class TcpConnector
{
    /// <summary>The delay of <see cref="AttemptDelay"/> that RFC 8305 recommends, in section 5.</summary>
    public static readonly TimeSpan DefaultAttemptDelay = TimeSpan.FromMilliseconds(250);

    /// <summary>How long one address is tried before the next one is tried beside it. Default 250 milliseconds.</summary>
    public TimeSpan AttemptDelay { get; init; } = DefaultAttemptDelay;

    /// <summary>How the sockets ask whether their peer is still there. Default as <see cref="TcpKeepAliveOptions"/> says.</summary>
    public TcpKeepAliveOptions KeepAlive { get; init; } = new();

    /// <summary>Whether small writes are sent at once instead of being gathered (Nagle's algorithm off). Default <see langword="true"/>.</summary>
    public bool NoDelay { get; init; } = true;

    /// <summary>The clock. Default <see cref="TimeProvider.System"/>.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    internal INetwork Network { get; init; } = SystemNetwork.Instance;

    /// <summary>Connects for an HTTP handler.</summary>
    /// <param name="context">Where to.</param>
    /// <param name="cancellationToken">Gives up; nothing is left open.</param>
    /// <returns>The connection, the handler's to dispose.</returns>
    /// <exception cref="SocketException">No address of the host could be reached; the message says which were tried and what happened.</exception>
    public async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(context);
        var report = new ConnectReport();
        try
        {
            if (await ConnectAsync(context.DnsEndPoint.Host, context.DnsEndPoint.Port, report, cancellationToken).ConfigureAwait(false) is { } socket)
            {
                return new NetworkStream(socket, ownsSocket: true);
            }
        }
        catch (SocketException e) when (report.Tried.Count == 0)
        {
            throw new SocketException((int)e.SocketErrorCode, $"The name '{context.DnsEndPoint.Host}' was not found ({e.Message}). Check its spelling and this machine's DNS.");
        }

        throw new SocketException(
            (int)(report.Failures.Select(static failure => failure.Error).OfType<SocketException>().LastOrDefault()?.SocketErrorCode ?? SocketError.HostUnreachable),
            report.Explain());
    }

    /// <summary>Connects.</summary>
    /// <returns>The socket; <see langword="null"/> when every address failed, as the report then tells.</returns>
    /// <exception cref="SocketException">The name was not found; nothing was tried.</exception>
    internal async Task<Socket?> ConnectAsync(string host, int port, ConnectReport report, CancellationToken cancellationToken)
    {
        var found = await Network.ResolveAsync(host, cancellationToken).ConfigureAwait(false);
        if (found.Length == 0)
        {
            throw new SocketException((int)SocketError.NoData);
        }

        IPEndPoint[] endPoints = [.. AddressOrder.Interleave(found).Select(ip => new IPEndPoint(ip, port))];
        report.Tried = endPoints;
        var socket = await new HappyEyeballs(Network, AttemptDelay, TimeProvider).ConnectAsync(endPoints, report.Failures, cancellationToken).ConfigureAwait(false);
        if (socket is null)
        {
            return null;
        }

        try
        {
            socket.NoDelay = NoDelay;
            KeepAlive.Apply(socket);
            return socket;
        }
        catch (SocketException e)
        {
            // Some systems refuse it on a connection that the peer has reset already.
            report.Failures.Add(new ConnectFailure(socket.RemoteEndPointOrNull() ?? endPoints[0], e));
            socket.Dispose();
            return null;
        }
    }
}
