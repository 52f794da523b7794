using System.Net;
using System.Net.Quic;
using System.Net.Sockets;
using System.Runtime.Versioning;
using System.Security.Authentication;
using Microsoft.Extensions.Logging;
using Transports.Extensibility;

namespace Transports;

/// <summary>Dials connections, or takes one that is open where connections are shared, and opens a channel on them.</summary>
[SupportedOSPlatform("linux")]
[SupportedOSPlatform("macos")]
[SupportedOSPlatform("windows")]
internal sealed class QuicDialer(QuicTransportOptions options, ILogger logger)
{
    private readonly Lock _gate = new();

    // The connection to each authority, or the dialling of it, which callers share.
    private readonly Dictionary<string, Task<QuicPeer>> _shared = new(StringComparer.OrdinalIgnoreCase);

    public async ValueTask<IMessageChannel> ConnectAsync(Uri address, CancellationToken cancellationToken)
    {
        if (!options.ShareConnections)
        {
            return await OpenFirstAsync(await DialAsync(address, cancellationToken).ConfigureAwait(false), cancellationToken).ConfigureAwait(false);
        }

        while (true)
        {
            // Outside of the gate: a peer that allows no more channels, or does not answer, holds up nobody who goes elsewhere.
            var peer = await GetShared(address, out var isNew).WaitAsync(cancellationToken).ConfigureAwait(false);
            try
            {
                return await peer.OpenChannelAsync(cancellationToken).ConfigureAwait(false);
            }
            catch (MessageChannelClosedException e) when ((!isNew || !e.CloseInfo.IsRemote) && peer.IsClosing)
            {
                // It ended meanwhile, with its last channel or with the peer: dial anew.
            }
        }
    }

    // No caller's token ends the dialling, as others may wait for it too; options bound how long it takes.
    private Task<QuicPeer> GetShared(Uri address, out bool isNew)
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

            var dialling = Task.Run(() => DialAsync(address, CancellationToken.None).AsTask());

            // Whoever waited may have given up before it failed.
            _ = dialling.ContinueWith(
                static failed => _ = failed.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted | TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
            return _shared[address.Authority] = dialling;
        }
    }

    private static bool HasEnded(Task<QuicPeer> connection)
        => connection is { IsCompleted: true, IsCompletedSuccessfully: false } || (connection.IsCompletedSuccessfully && connection.Result.IsClosing);

    private static async ValueTask<IMessageChannel> OpenFirstAsync(QuicPeer peer, CancellationToken cancellationToken)
    {
        try
        {
            return await peer.OpenChannelAsync(cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            await peer.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    private async ValueTask<QuicPeer> DialAsync(Uri address, CancellationToken cancellationToken)
    {
        Exception? failure = null;
        foreach (var target in await QuicAddresses.ResolveAsync(address, cancellationToken).ConfigureAwait(false))
        {
            try
            {
                var connection = await QuicConnection.ConnectAsync(
                    QuicOpener.ClientOptions(new IPEndPoint(target, address.Port), address, options), cancellationToken).ConfigureAwait(false);
                var peer = new QuicPeer(connection, options, ChannelSide.Client, address, accepted: null, logger);
                _ = peer.AcceptStreamsAsync();
                return peer;
            }
            catch (Exception e) when (e is QuicException or SocketException)
            {
                failure = e;
            }
            catch (AuthenticationException e)
            {
                throw new TransportException(
                    $"The handshake with {AddressText.Of(address)} failed. {e.Message} Check that the certificate is trusted and names the host, and that both ends speak '{options.ApplicationProtocol}'.", e);
            }
        }

        throw new TransportException(
            $"No QUIC connection to {AddressText.Of(address)} could be opened. {failure?.Message ?? "The name has no address."} Check that a listener is there, and that UDP is not blocked on the way.", failure);
    }
}
