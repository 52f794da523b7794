using System.Diagnostics;
using System.Net;
using System.Net.Quic;
using System.Net.Security;
using System.Runtime.Versioning;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;

namespace Transports.Quic;

/// <summary>One QUIC connection and the channels on it.</summary>
/// <remarks>
/// <para><b>The wire of transports/1.</b> Each bidirectional stream is a channel. Its opener first writes one byte,
/// <see cref="QuicStreamAcceptor.Preface"/>, as a stream is invisible to the peer until bytes flow; the other side writes none. Then, each way:
/// messages, each after its length in four bytes, big-endian. FIN is the end of one side's messages. Error codes:
/// <see cref="QuicCodes"/>. Unidirectional streams are not used.</para>
/// <list type="table">
/// <listheader><term>phase</term><description>what it means, and what comes next</description></listheader>
/// <item><term>Open</term><description>Channels come and go.</description></item>
/// <item><term>Closing</term><description>No channel is opened any more: the last one has ended, or the peer or the network ended the connection, or it carried none for too long.</description></item>
/// <item><term>Closed</term><description>This side's CONNECTION_CLOSE is on its way or out, and the native connection goes with it. Once.</description></item>
/// </list>
/// <para>The side that connected closes the connection when its last channel has ended. A listener leaves that to it, but not for
/// ever: it closes a connection that has carried no channel for the idle timeout, and one whose last channel ends after the
/// listener's own end.</para>
/// </remarks>
[SupportedOSPlatform("linux")]
[SupportedOSPlatform("macos")]
[SupportedOSPlatform("windows")]
[DebuggerDisplay("{_remoteAddress}, {OpenChannelCount} channels, closing: {IsClosing}")]
internal sealed class MultiplexedQuicConnection : IMultiplexedConnectionFeature, IConnectionEndPointFeature, ITlsFeature, IAsyncDisposable
{
    private readonly QuicConnection _connection;
    private readonly QuicTransportOptions _options;
    private readonly ChannelSide _side;
    private readonly Uri _localAddress;
    private readonly Uri _remoteAddress;
    private readonly ILogger _logger;
    private readonly Channel<IMessageChannel> _accepted;
    private readonly CancellationTokenSource _ended = new();
    private readonly Lock _gate = new();
    private readonly ITimer _unused;
    private readonly QuicStreamAcceptor _acceptor;
    private int _openChannels;
    private bool _closeWhenUnused;
    private Phase _phase;
    private Task? _closed;
    private Exception? _failure;

    /// <summary>Takes over a connection whose handshake is done.</summary>
    /// <param name="connection">The connection.</param>
    /// <param name="options">Limits and choices.</param>
    /// <param name="side">Which end this is.</param>
    /// <param name="remoteAddress">What was connected to, or <see langword="null"/> for the peer's own address.</param>
    /// <param name="accepted">Where channels go that the peer opens; completed at the end only when it is this connection's own.</param>
    /// <param name="logger">Where it and its channels log.</param>
    /// <param name="counters">The listener's.</param>
    public MultiplexedQuicConnection(QuicConnection connection, QuicTransportOptions options, ChannelSide side, Uri? remoteAddress, Channel<IMessageChannel>? accepted, ILogger logger, QuicListenerCounters? counters = null)
    {
        _connection = connection;
        _options = options;
        _side = side;
        _localAddress = HostAddress.ToUri("quic", connection.LocalEndPoint)!;
        _remoteAddress = remoteAddress ?? HostAddress.ToUri("quic", connection.RemoteEndPoint)!;
        _logger = logger;
        LocalEndPoint = connection.LocalEndPoint;
        RemoteEndPoint = connection.RemoteEndPoint;
        TargetHostName = connection.TargetHostName;
        SslProtocol = connection.SslProtocol;
        NegotiatedCipherSuite = connection.NegotiatedCipherSuite;
        NegotiatedApplicationProtocol = connection.NegotiatedApplicationProtocol;
        RemoteCertificate = connection.RemoteCertificate as X509Certificate2;
        _accepted = accepted ?? Channel.CreateBounded<IMessageChannel>(options.AcceptBacklog);
        _acceptor = new QuicStreamAcceptor(this, _accepted.Writer, options, counters, logger, _remoteAddress, _ended.Token);

        // Keep-alive would let a peer hold a connection that it makes no use of for ever; and whoever connected may have given up since.
        _unused = options.TimeProvider.CreateTimer(
            static state => ((MultiplexedQuicConnection)state!).CloseUnused(), this, options.IdleTimeout, Timeout.InfiniteTimeSpan);
    }

    private enum Phase
    {
        Open,
        Closing,
        Closed,
    }

    public int OpenChannelCount
    {
        get
        {
            lock (_gate)
            {
                return _openChannels;
            }
        }
    }

    public EndPoint? LocalEndPoint { get; }

    public EndPoint? RemoteEndPoint { get; }

    public X509Certificate2? RemoteCertificate { get; }

    public string TargetHostName { get; }

    public SslProtocols SslProtocol { get; }

    public TlsCipherSuite NegotiatedCipherSuite { get; }

    public SslApplicationProtocol NegotiatedApplicationProtocol { get; }

    /// <summary>What ended the connection, once it was seen.</summary>
    public Exception? Failure => Volatile.Read(ref _failure);

    /// <summary>No channel can be opened any more.</summary>
    public bool IsClosing
    {
        get
        {
            lock (_gate)
            {
                return _phase != Phase.Open;
            }
        }
    }

    public async ValueTask<IMessageChannel> OpenChannelAsync(CancellationToken cancellationToken = default)
    {
        if (!TryReserve())
        {
            throw EndedException(Failure);
        }

        QuicStream? stream = null;
        try
        {
            // This token ends the wait for the peer's permission only.
            stream = await _connection.OpenOutboundStreamAsync(QuicStreamType.Bidirectional, cancellationToken).ConfigureAwait(false);
            await stream.WriteAsync(PrefaceBytes, CancellationToken.None).ConfigureAwait(false);
            return Wrap(stream);
        }
        catch (Exception e)
        {
            if (stream is not null)
            {
                await stream.DisposeAsync().ConfigureAwait(false);
            }
            else if (e is QuicException or ObjectDisposedException)
            {
                // The connection has ended, which the loop that accepts is about to find out too.
                lock (_gate)
                {
                    BeginClosing();
                }
            }

            await ReleaseAsync(QuicCodes.FromStatus(ChannelCloseStatus.Normal)).ConfigureAwait(false);
            throw e is QuicException or ObjectDisposedException or AuthenticationException ? EndedException(e) : e;
        }
    }

    public async ValueTask<IMessageChannel?> AcceptChannelAsync(CancellationToken cancellationToken = default)
    {
        if (_side == ChannelSide.Server)
        {
            throw new NotSupportedException("The listener's AcceptAsync gives the channels that peers open, of all its connections.");
        }

        while (await _accepted.Reader.WaitToReadAsync(cancellationToken).ConfigureAwait(false))
        {
            if (_accepted.Reader.TryRead(out var channel))
            {
                return channel;
            }
        }

        return null;
    }

    /// <summary>Surfaces the channels that the peer opens, until the connection ends.</summary>
    public async Task AcceptStreamsAsync()
    {
        Exception? failure;
        try
        {
            while (true)
            {
                var stream = await _connection.AcceptInboundStreamAsync(CancellationToken.None).ConfigureAwait(false);

                // A stream is here with its first byte, and there are no more at once than were allowed: so these are bounded.
                _ = _acceptor.AcceptAsync(stream);
            }
        }
        catch (Exception e) when (e is QuicException or ObjectDisposedException or AuthenticationException)
        {
            // A server may refuse a client's certificate after the client's half of the handshake is over.
            failure = e;
        }

        bool unused;
        lock (_gate)
        {
            // What this side has closed did not fail: whoever asks for a channel now is not told of a lost connection.
            if (_phase != Phase.Closed)
            {
                Volatile.Write(ref _failure, failure);
            }

            BeginClosing();
            unused = _openChannels == 0;
        }

        await _ended.CancelAsync().ConfigureAwait(false);
        if (_side == ChannelSide.Client)
        {
            _accepted.Writer.TryComplete();
            while (_accepted.Reader.TryRead(out var unaccepted))
            {
                unaccepted.Abort(failure);
            }

            if (unused)
            {
                // No channel is left whose end would do it, and none can come.
                await DisposeAsync().ConfigureAwait(false);
            }
        }
    }

    /// <summary>A channel's stream was released. The last one of a connection of this side closes it.</summary>
    /// <param name="code">The code to close with where this side connected; a listener that has ended goes away.</param>
    public async ValueTask ReleaseAsync(long code)
    {
        lock (_gate)
        {
            if (--_openChannels > 0)
            {
                return;
            }

            if (_side == ChannelSide.Server && !_closeWhenUnused)
            {
                _unused.Change(_options.IdleTimeout, Timeout.InfiniteTimeSpan);
                return;
            }

            BeginClosing();
        }

        await CloseAsync(_side == ChannelSide.Server ? QuicCodes.FromStatus(ChannelCloseStatus.GoingAway) : code).ConfigureAwait(false);
    }

    /// <summary>The listener has ended: the connection goes with its last channel.</summary>
    public async ValueTask CloseWhenUnusedAsync()
    {
        lock (_gate)
        {
            _closeWhenUnused = true;
            if (_openChannels > 0)
            {
                return;
            }
        }

        await DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>Closes the connection, whatever is open on it.</summary>
    /// <param name="code">The code to tell the peer.</param>
    public Task CloseAsync(long code)
    {
        lock (_gate)
        {
            _phase = Phase.Closed;
            return _closed ??= CloseOnceAsync(code);
        }
    }

    public async ValueTask DisposeAsync() => await CloseAsync(QuicCodes.FromStatus(ChannelCloseStatus.GoingAway)).ConfigureAwait(false);

    private static ReadOnlyMemory<byte> PrefaceBytes { get; } = new byte[] { QuicStreamAcceptor.Preface };

    private static MessageChannelClosedException EndedException(Exception? cause)
        => new(cause is null ? new ChannelCloseInfo(ChannelCloseStatus.Normal, IsRemote: false, "The connection is closed.") : QuicCodes.Describe(cause));

    private void CloseUnused()
    {
        lock (_gate)
        {
            if (_openChannels > 0 || _phase != Phase.Open)
            {
                return;
            }

            BeginClosing();
        }

        Log.ConnectionUnused(_logger, _remoteAddress, _options.IdleTimeout);
        _ = CloseAsync(QuicCodes.FromStatus(ChannelCloseStatus.TimedOut));
    }

    private void BeginClosing()
    {
        Debug.Assert(_gate.IsHeldByCurrentThread, "The phase only ever moves on.");
        if (_phase == Phase.Open)
        {
            _phase = Phase.Closing;
        }
    }

    private async Task CloseOnceAsync(long code)
    {
        await Task.Yield();
        await _unused.DisposeAsync().ConfigureAwait(false);
        try
        {
            using var timeout = new CancellationTokenSource(_options.CloseTimeout, _options.TimeProvider);
            await _connection.CloseAsync(code, timeout.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is QuicException or ObjectDisposedException or OperationCanceledException)
        {
            // Gone already.
        }

        await _connection.DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>Counts one more channel, while there can be any.</summary>
    public bool TryReserve()
    {
        lock (_gate)
        {
            if (_phase != Phase.Open)
            {
                return false;
            }

            _openChannels++;
            return true;
        }
    }

    /// <summary>A channel on a stream that a place was reserved for.</summary>
    public FramedMessageChannel Wrap(QuicStream stream) => new(
        new QuicByteConnection(stream, this, _options.CloseTimeout),
        LengthPrefixedFraming.Default,
        new MessageChannelContext
        {
            TransportName = "quic",
            Side = _side,
            Options = _options,
            Characteristics = _options.Characteristics,
            LocalAddress = _localAddress,
            RemoteAddress = _remoteAddress,
            Logger = _logger,
        });
}
