using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Transports.Tcp;

/// <summary>Opens a socket to an address: resolves, connects within the timeout, and explains failures.</summary>
internal sealed class SocketConnector(TcpTransportOptions options, INetwork network)
{
    // Long against an accept, short against a person's patience.
    private static readonly TimeSpan FullBacklogPause = TimeSpan.FromMilliseconds(5);

    private readonly TcpConnector _tcp = new()
    {
        AttemptDelay = options.ConnectionAttemptDelay,
        KeepAlive = options.TcpKeepAlive,
        NoDelay = options.NoDelay,
        TimeProvider = options.TimeProvider,
        Network = network,
    };

    public async Task<Socket> ConnectAsync(TcpAddress address, AddressText shown, CancellationToken cancellationToken)
    {
        using var deadline = new ConnectDeadline(options.ConnectTimeout, options.TimeProvider, cancellationToken);
        var report = new ConnectReport();
        try
        {
            var socket = address.Path is { } path
                ? await ConnectUnixAsync(UnixSocketPath.ToEndPoint(path), report, deadline.Token).ConfigureAwait(false)
                : await _tcp.ConnectAsync(address.Host, address.Port, report, deadline.Token).ConfigureAwait(false);
            if (socket is not null)
            {
                return socket;
            }
        }
        catch (OperationCanceledException e) when (deadline.Token.IsCancellationRequested)
        {
            deadline.ThrowIfCallerCancelled();
            throw new TransportException(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"Could not connect to {shown} within ConnectTimeout ({options.ConnectTimeout.TotalSeconds:0.###} s). {report.ExplainSilence()}"),
                e);
        }
        catch (SocketException e) when (report.Tried.Count == 0)
        {
            throw new TransportException(
                $"Could not connect to {shown}: the name '{address.Host}' was not found ({e.Message}). Check its spelling and this machine's DNS.", e);
        }
        catch (SocketException e)
        {
            report.Failures.Add(new ConnectFailure(report.Tried[0], e));
        }

        throw new TransportException($"Could not connect to {shown}. {report.Explain()}", report.Failures[^1].Error);
    }

    private async Task<Socket> ConnectUnixAsync(EndPoint endPoint, ConnectReport report, CancellationToken cancellationToken)
    {
        report.Tried = [endPoint];
        while (true)
        {
            try
            {
                return await network.ConnectAsync(endPoint, cancellationToken).ConfigureAwait(false);
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.WouldBlock)
            {
                // The listener's backlog is full. TCP waits for it by itself; a Unix socket that does not block is turned away
                // at once (connect(2): EAGAIN), and nothing tells when there is room again.
                await Task.Delay(FullBacklogPause, options.TimeProvider, cancellationToken).ConfigureAwait(false);
            }
        }
    }
}
