using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Transports;

/// <summary>Opens a socket to an address: resolves, connects within the timeout, and explains failures.</summary>
internal sealed class SocketConnector(TcpTransportOptions options, ISocketDialer dialer)
{
    // Long against an accept, short against a person's patience.
    private static readonly TimeSpan FullBacklogPause = TimeSpan.FromMilliseconds(5);

    public async Task<Socket> ConnectAsync(TcpAddress address, Uri shown, CancellationToken cancellationToken)
    {
        using var timeout = new CancellationTokenSource(options.ConnectTimeout, options.TimeProvider);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, timeout.Token);
        var failures = new List<ConnectFailure>();
        IReadOnlyList<EndPoint> tried = [];
        try
        {
            if (address.Path is { } path)
            {
                var endPoint = UnixSocketPath.ToEndPoint(path);
                tried = [endPoint];
                return await ConnectUnixAsync(endPoint, either.Token).ConfigureAwait(false);
            }

            var endPoints = await ResolveAsync(address, shown, either.Token).ConfigureAwait(false);
            tried = endPoints;
            var racing = new HappyEyeballs(dialer, options.ConnectionAttemptDelay, options.TimeProvider);
            var socket = await racing.ConnectAsync(endPoints, failures, either.Token).ConfigureAwait(false)
                ?? throw Explain(shown, failures);
            return Prepare(socket);
        }
        catch (OperationCanceledException e) when (either.IsCancellationRequested)
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw ExplainTimeout(shown, tried, failures, e);
        }
        catch (SocketException e)
        {
            throw Explain(shown, [new ConnectFailure(tried.Count > 0 ? tried[0] : new DnsEndPoint(address.Host, address.Port), e)]);
        }
    }

    private Socket Prepare(Socket socket)
    {
        try
        {
            socket.NoDelay = options.NoDelay;
            return socket;
        }
        catch
        {
            // Some systems refuse it on a connection that the peer has reset already.
            socket.Dispose();
            throw;
        }
    }

    private async Task<Socket> ConnectUnixAsync(EndPoint endPoint, CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                return await dialer.ConnectAsync(endPoint, cancellationToken).ConfigureAwait(false);
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.WouldBlock)
            {
                // The listener's backlog is full. TCP waits for it by itself; a Unix socket that does not block is turned away
                // at once (connect(2): EAGAIN), and nothing tells when there is room again.
                await Task.Delay(FullBacklogPause, options.TimeProvider, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private async Task<List<IPEndPoint>> ResolveAsync(TcpAddress address, Uri shown, CancellationToken cancellationToken)
    {
        IPAddress[] found;
        try
        {
            found = await dialer.ResolveAsync(address.Host, cancellationToken).ConfigureAwait(false);
        }
        catch (SocketException e)
        {
            throw new TransportException(
                $"Could not connect to {shown}: the name '{address.Host}' was not found ({e.Message}). Check its spelling and this machine's DNS.", e);
        }

        return found.Length == 0
            ? throw new TransportException($"Could not connect to {shown}: the name '{address.Host}' has no addresses. Check its spelling and this machine's DNS.")
            : [.. AddressOrder.Interleave(found).Select(ip => new IPEndPoint(ip, address.Port))];
    }

    private static TransportException Explain(Uri shown, List<ConnectFailure> failures)
    {
        var text = new StringBuilder($"Could not connect to {shown}. ");
        AppendTried(text, failures);
        text.Append(Advise(failures));
        return new TransportException(text.ToString(), failures[^1].Error);
    }

    private TransportException ExplainTimeout(Uri shown, IReadOnlyList<EndPoint> tried, List<ConnectFailure> failures, Exception cause)
    {
        var text = new StringBuilder(string.Create(
            CultureInfo.InvariantCulture,
            $"Could not connect to {shown} within ConnectTimeout ({options.ConnectTimeout.TotalSeconds:0.###} s). "));
        if (tried.Count == 0)
        {
            text.Append("Its name was not resolved in that time; check this machine's DNS.");
            return new TransportException(text.ToString(), cause);
        }

        AppendTried(text, failures);
        var silent = tried.Where(endPoint => failures.All(failure => !failure.EndPoint.Equals(endPoint)));
        text.Append(CultureInfo.InvariantCulture, $"No answer from {string.Join(", ", silent)}. ");
        text.Append("Check that the server runs and that no firewall drops its packets, or raise ConnectTimeout.");
        return new TransportException(text.ToString(), cause);
    }

    private static void AppendTried(StringBuilder text, List<ConnectFailure> failures)
    {
        foreach (var (endPoint, error) in failures)
        {
            text.Append(CultureInfo.InvariantCulture, $"{endPoint}: {error.Message.TrimEnd('.')}. ");
        }
    }

    private static string Advise(List<ConnectFailure> failures)
    {
        var codes = failures.Select(failure => (failure.Error as SocketException)?.SocketErrorCode).ToArray();
        if (failures[0].EndPoint is UnixDomainSocketEndPoint)
        {
            return "Check that the server runs, that the path is the one it listens on, and that this user may write to the socket file.";
        }

        if (codes.Contains(SocketError.ConnectionRefused))
        {
            return "Nothing listens there: check that the server runs, that the port is right, and that it listens on an address reachable from here (localhost is not).";
        }

        return "Check that the server runs and that the network lets it be reached.";
    }
}
