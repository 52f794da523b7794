using System.Net;
using System.Net.Quic;
using System.Net.Sockets;
using System.Runtime.Versioning;
using System.Security.Authentication;
using Microsoft.Extensions.Logging;

namespace Transports;

/// <summary>Dials connections, or takes one that is open where connections are shared, and opens a channel on them.</summary>
[SupportedOSPlatform("linux")]
[SupportedOSPlatform("macos")]
[SupportedOSPlatform("windows")]
internal sealed class QuicDialer(QuicTransportOptions options, ILogger logger)
{
    private readonly Dictionary<string, QuicPeer> _shared = new(StringComparer.OrdinalIgnoreCase);

    // One at a time, so that two callers do not dial twice. Held while dialling; options bound how long that takes.
    private readonly SemaphoreSlim _sharing = new(1);

    public async ValueTask<IMessageChannel> ConnectAsync(Uri address, CancellationToken cancellationToken)
    {
        if (!options.ShareConnections)
        {
            return await OpenFirstAsync(await DialAsync(address, cancellationToken).ConfigureAwait(false), cancellationToken).ConfigureAwait(false);
        }

        await _sharing.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (_shared.TryGetValue(address.Authority, out var open) && !open.IsClosing)
            {
                try
                {
                    return await open.OpenChannelAsync(cancellationToken).ConfigureAwait(false);
                }
                catch (MessageChannelClosedException)
                {
                    // It ended meanwhile: dial anew.
                }
            }

            var peer = await DialAsync(address, cancellationToken).ConfigureAwait(false);
            foreach (var ended in _shared.Where(entry => entry.Value.IsClosing).Select(entry => entry.Key).ToArray())
            {
                _shared.Remove(ended);
            }

            _shared[address.Authority] = peer;
            return await OpenFirstAsync(peer, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _sharing.Release();
        }
    }

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
                    $"The handshake with {address} failed. {e.Message} Check that the certificate is trusted and names the host, and that both ends speak '{options.ApplicationProtocol}'.", e);
            }
        }

        throw new TransportException(
            $"No QUIC connection to {address} could be opened. {failure?.Message ?? "The name has no address."} Check that a listener is there, and that UDP is not blocked on the way.", failure);
    }
}
