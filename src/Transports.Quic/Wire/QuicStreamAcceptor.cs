using System.Net.Quic;
using System.Runtime.Versioning;
using System.Security.Authentication;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;

namespace Transports.Quic;

/// <summary>Makes channels of the streams that a peer opens; those that do not begin like one are reset.</summary>
/// <remarks>
/// <list type="table">
/// <listheader><term>a stream</term><description>what comes next</description></listheader>
/// <item><term>arrived</term><description>It takes a place on the connection, or is reset with GoingAway when that is closing.</description></item>
/// <item><term>place taken</term><description>Its first byte is awaited for the handshake timeout: TimedOut without it, ProtocolError with another.</description></item>
/// <item><term>channel</term><description>It waits until there is room to be accepted; closed with the connection's end, or GoingAway when nobody accepts any more.</description></item>
/// </list>
/// </remarks>
/// <param name="connection">Where the streams come from.</param>
/// <param name="accepted">Where channels go.</param>
/// <param name="options">Limits.</param>
/// <param name="counters">The listener's.</param>
/// <param name="logger">Where it logs.</param>
/// <param name="remoteAddress">The peer, for the log.</param>
/// <param name="ended">Cancelled when the connection has ended.</param>
[SupportedOSPlatform("linux")]
[SupportedOSPlatform("macos")]
[SupportedOSPlatform("windows")]
internal sealed class QuicStreamAcceptor(
    MultiplexedQuicConnection connection,
    ChannelWriter<IMessageChannel> accepted,
    QuicTransportOptions options,
    QuicListenerCounters? counters,
    ILogger logger,
    Uri remoteAddress,
    CancellationToken ended)
{
    /// <summary>The first byte of a stream: a channel follows.</summary>
    public const byte Preface = 0x01;

    /// <summary>Takes a stream that has just come. Completes when it is a channel that was handed on, or has been reset.</summary>
    public async Task AcceptAsync(QuicStream stream)
    {
        counters?.StreamArrived();
        if (!connection.TryReserve())
        {
            counters?.StreamDecided(accepted: false);
            await RefuseAsync(stream, ChannelCloseStatus.GoingAway).ConfigureAwait(false);
            return;
        }

        IMessageChannel? channel = null;
        var status = ChannelCloseStatus.ProtocolError;
        try
        {
            // This token may abort the stream: a stream that says nothing in time is not wanted any more.
            using var timeout = CancellationTokenSource.CreateLinkedTokenSource(ended);
            timeout.CancelAfter(options.HandshakeTimeout);
            var preface = new byte[1];
            if (stream.Type == QuicStreamType.Bidirectional
                && await stream.ReadAsync(preface, timeout.Token).ConfigureAwait(false) == 1
                && preface[0] == Preface)
            {
                channel = connection.Wrap(stream);
                await accepted.WriteAsync(channel, ended).ConfigureAwait(false);
                counters?.StreamDecided(accepted: true);
                return;
            }

            Log.WrongPreface(logger, remoteAddress);
        }
        catch (Exception e) when (e is QuicException or AuthenticationException or OperationCanceledException or ObjectDisposedException or ChannelClosedException)
        {
            // Not in time, or the peer gave it up, or nobody accepts any more.
            status = e is ChannelClosedException ? ChannelCloseStatus.GoingAway : ChannelCloseStatus.TimedOut;
        }

        // Before the peer is told, who may ask for the count.
        counters?.StreamDecided(accepted: false);
        if (channel is not null)
        {
            // Made ready for a listener that has stopped since; its end gives the stream back.
            await channel.CloseAsync(status).ConfigureAwait(false);
            await channel.DisposeAsync().ConfigureAwait(false);
            return;
        }

        await RefuseAsync(stream, status).ConfigureAwait(false);
        await connection.ReleaseAsync(QuicCodes.FromStatus(status)).ConfigureAwait(false);
    }

    private static async Task RefuseAsync(QuicStream stream, ChannelCloseStatus status)
    {
        try
        {
            stream.Abort(stream.CanWrite ? QuicAbortDirection.Both : QuicAbortDirection.Read, QuicCodes.FromStatus(status));
        }
        catch (Exception e) when (e is QuicException or ObjectDisposedException)
        {
            // Gone already.
        }

        await stream.DisposeAsync().ConfigureAwait(false);
    }
}
