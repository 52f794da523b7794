using System.Net;
using System.Net.Quic;
using System.Net.Sockets;
using System.Runtime.Versioning;
using System.Security.Authentication;
using Microsoft.Extensions.Logging;

namespace Transports.Quic;

/// <summary>Opens connections, or takes one that is open where connections are shared, and opens a channel on them.</summary>
[SupportedOSPlatform("linux")]
[SupportedOSPlatform("macos")]
[SupportedOSPlatform("windows")]
internal sealed class QuicConnector(QuicTransportOptions options, ILogger logger)
{
    private readonly Lock _gate = new();

    // The connection to each authority, or the attempt at it, which callers share.
    private readonly Dictionary<string, Task<MultiplexedQuicConnection>> _shared = new(StringComparer.OrdinalIgnoreCase);

    public async ValueTask<IMessageChannel> ConnectAsync(Uri address, CancellationToken cancellationToken)
    {
        if (!options.ShareConnections)
        {
            return await OpenFirstAsync(await OpenConnectionAsync(address, cancellationToken).ConfigureAwait(false), cancellationToken).ConfigureAwait(false);
        }

        while (true)
        {
            // Outside of the gate: a peer that allows no more channels, or does not answer, holds up nobody who goes elsewhere.
            var shared = await GetShared(address, out var isNew).WaitAsync(cancellationToken).ConfigureAwait(false);
            try
            {
                return await shared.OpenChannelAsync(cancellationToken).ConfigureAwait(false);
            }
            catch (MessageChannelClosedException e) when ((!isNew || !e.CloseInfo.IsRemote) && shared.IsClosing)
            {
                // It ended meanwhile, with its last channel or with the peer: connect anew.
            }
        }
    }

    // No caller's token ends the attempt, as others may wait for it too; options bound how long it takes.
    private Task<MultiplexedQuicConnection> GetShared(Uri address, out bool isNew)
    {
        lock (_gate)
        {
            isNew = !_shared.TryGetValue(address.Authority, out var connection) || HasEnded(connection);
            if (!isNew)
            {
                return connection!;
            }

            foreach (var ended in _shared.Where(entry => HasEnded(entry.Value)).Select(entry => entry.Key).ToArray())
            {
                _shared.Remove(ended);
            }

            var connecting = Task.Run(() => OpenConnectionAsync(address, CancellationToken.None).AsTask());

            // Whoever waited may have given up before it failed.
            _ = connecting.ContinueWith(
                static failed => _ = failed.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted | TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
            return _shared[address.Authority] = connecting;
        }
    }

    private static bool HasEnded(Task<MultiplexedQuicConnection> connection)
        => connection is { IsCompleted: true, IsCompletedSuccessfully: false } || (connection.IsCompletedSuccessfully && connection.Result.IsClosing);

    private static async ValueTask<IMessageChannel> OpenFirstAsync(MultiplexedQuicConnection connection, CancellationToken cancellationToken)
    {
        try
        {
            return await connection.OpenChannelAsync(cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            await connection.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    private async ValueTask<MultiplexedQuicConnection> OpenConnectionAsync(Uri address, CancellationToken cancellationToken)
    {
        var server = HostAddress.ParseForConnect(address);
        var check = options.TlsClient.CreateCheck(expectedName: null);
        using var deadline = new ConnectDeadline(options.ConnectTimeout, options.TimeProvider, cancellationToken);
        Exception? failure = null;
        try
        {
            foreach (var target in await server.ResolveAsync(deadline.Token).ConfigureAwait(false))
            {
                try
                {
                    var connection = await QuicConnection.ConnectAsync(
                        QuicConnectionOptionsFactory.ClientOptions(new IPEndPoint(target, server.Port), server.Host, check, options), deadline.Token).ConfigureAwait(false);
                    var opened = new MultiplexedQuicConnection(connection, options, ChannelSide.Client, address, accepted: null, logger);
                    _ = opened.AcceptStreamsAsync();
                    return opened;
                }
                catch (Exception e) when (e is QuicException or SocketException)
                {
                    failure = e;
                }
                catch (AuthenticationException e)
                {
                    throw QuicConnectErrors.OfHandshake(address, options, e, check.Refused ? TlsErrors.ExplainServerCertificate(check, options.TlsClient.TargetHost ?? server.Host) : null);
                }
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            throw new OperationCanceledException(cancellationToken);
        }
        catch (OperationCanceledException e)
        {
            throw QuicConnectErrors.OfTimeout(address, options, failure ?? e);
        }

        throw QuicConnectErrors.OfConnection(address, failure);
    }
}
