using System.Diagnostics.CodeAnalysis;
using System.Net;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Transports;

/// <summary>
/// Stands at a server's doors: bounds how many channels are open, in all, for each remote address and for each principal, how fast they come, and how long a peer may
/// stay that does nothing or reads too slowly, and how fast one may send. One guard serves any number of servers and endpoints, which then share its bounds.
/// </summary>
/// <remarks>
/// <para>Give it to <see cref="MessageServerOptions.Guard"/>, for any listener, or to the options of an HTTP endpoint, which then refuses before it opens the channel, with status 429 or 503 and
/// Retry-After. A server tells a peer that it refuses by closing its channel as <see cref="ChannelCloseStatus.PolicyViolation"/>.</para>
/// <para>Refusals are counted by <c>transports.channels.refused</c>, and logged as a warning, in one line a second at most. Behind a proxy all channels have the
/// proxy's address, unless something before the guard has put the client's in its place, such as ASP.NET Core's forwarded headers.</para>
/// <para>It needs no disposing: its timer runs only while there is something to watch. All members may be called from any thread.</para>
/// </remarks>
public sealed class ConnectionGuard
{
    private static readonly TimeSpan TickInterval = TimeSpan.FromSeconds(1);

    private readonly Lock _gate = new();
    private readonly ConnectionGuardOptions _options;
    private readonly MeteredBufferPool? _bufferPool;
    private readonly TimeProvider _timeProvider;
    private readonly ILogger _logger;
    private readonly RefusalLog _refusals;
    private readonly TokenBucket _rate;
    private readonly Dictionary<IPAddress, AddressUse> _addresses = [];
    private readonly Dictionary<string, int> _principals = new(StringComparer.Ordinal);
    private readonly HashSet<GuardedMessageChannel> _watched = new(ReferenceEqualityComparer.Instance);
    private readonly ITimer _timer;
    private int _channels;
    private long _refused;
    private bool _ticking;
    private int _judging;

    /// <summary>A guard.</summary>
    /// <param name="options">The bounds; not to be changed afterwards. The defaults when <see langword="null"/>.</param>
    /// <param name="bufferPool">The pool that the guarded channels' transports use, for <see cref="ConnectionGuardOptions.MaxBufferedBytes"/>.</param>
    /// <param name="loggerFactory">Where refusals are logged; by default nowhere.</param>
    /// <param name="timeProvider">The clock; the system's when <see langword="null"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    public ConnectionGuard(ConnectionGuardOptions? options = null, MeteredBufferPool? bufferPool = null, ILoggerFactory? loggerFactory = null, TimeProvider? timeProvider = null)
    {
        _options = options ?? new ConnectionGuardOptions();
        _options.Validate();
        _bufferPool = bufferPool;
        _timeProvider = timeProvider ?? TimeProvider.System;
        _logger = (loggerFactory ?? NullLoggerFactory.Instance).CreateLogger("Transports.Guard");
        _refusals = new RefusalLog(_logger, _timeProvider);
        _rate = new TokenBucket(_options.MaxAcceptsPerSecond, _options.AcceptBurst, _timeProvider);

        // Made here, and not with the first channel, whose caller's context it would keep.
        _timer = _timeProvider.CreateTimer(static state => ((ConnectionGuard)state!).OnTick(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>How many channels have a place.</summary>
    public int ChannelCount => Volatile.Read(ref _channels);

    /// <summary>How many channels were refused since the guard was made.</summary>
    public long RefusedCount => Interlocked.Read(ref _refused);

    /// <summary>Asks for a place for a channel that is about to be opened.</summary>
    /// <param name="address">The peer's address; <see langword="null"/> where it has none, and is then counted only in all.</param>
    /// <param name="principal">Who the peer has proven to be; <see langword="null"/> for nobody.</param>
    /// <param name="lease">The place, to give to the channel with <see cref="ConnectionLease.Attach"/>; dispose it if no channel comes of it.</param>
    /// <param name="refusal">Why there is none.</param>
    /// <returns>Whether the channel may be opened.</returns>
    public bool TryEnter(IPAddress? address, string? principal, [NotNullWhen(true)] out ConnectionLease? lease, [NotNullWhen(false)] out ConnectionRefusal? refusal)
    {
        var key = address is null ? null : RemotePeer.KeyOf(address);
        lock (_gate)
        {
            Tick();
            refusal = FindRefusal(key, principal);
            if (refusal is not null)
            {
                _refusals.Add(address, refusal.Reason);
                lease = null;
            }
            else
            {
                Enter(key, principal);
                lease = new ConnectionLease(this, key, principal);
                return true;
            }
        }

        Interlocked.Increment(ref _refused);
        TransportsInstrumentation.Refused.Add(1, new KeyValuePair<string, object?>("reason", refusal.Reason.ToString()));
        return false;
    }

    /// <summary>Asks for a place for a channel that is open, by its remote address and its peer's certificate, and puts it under the guard.</summary>
    /// <param name="channel">The channel. One that this guard watches already keeps its place.</param>
    /// <param name="guarded">The channel to use instead, which owns the first.</param>
    /// <param name="refusal">Why there is no place: the channel is still the caller's, to close.</param>
    /// <returns>Whether it may stay.</returns>
    public bool TryGuard(IMessageChannel channel, [NotNullWhen(true)] out IMessageChannel? guarded, [NotNullWhen(false)] out ConnectionRefusal? refusal)
    {
        ArgumentNullException.ThrowIfNull(channel);
        if (channel.GetFeature<GuardedMessageChannel>()?.Guard == this)
        {
            guarded = channel;
            refusal = null;
            return true;
        }

        guarded = TryEnter(RemotePeer.AddressOf(channel), RemotePeer.PrincipalOf(channel), out var lease, out refusal) ? lease.Attach(channel) : null;
        return guarded is not null;
    }

    internal GuardedMessageChannel Watch(IMessageChannel channel, ConnectionLease lease)
    {
        var guarded = new GuardedMessageChannel(channel, this, lease, ReceiveRate.Create(_options, _timeProvider), _timeProvider);
        lock (_gate)
        {
            _watched.Add(guarded);
        }

        return guarded;
    }

    internal void Unwatch(GuardedMessageChannel channel)
    {
        lock (_gate)
        {
            _watched.Remove(channel);
        }
    }

    internal void Leave(ConnectionLease lease)
    {
        lock (_gate)
        {
            _channels--;
            if (lease.Address is { } address)
            {
                _addresses[address].Channels--;
            }

            if (lease.Principal is { } principal)
            {
                var left = _principals[principal] - 1;
                if (left > 0)
                {
                    _principals[principal] = left;
                }
                else
                {
                    _principals.Remove(principal);
                }
            }
        }
    }

    // The peer's own bounds first: what one peer asks for too much must not be taken from the others.
    private ConnectionRefusal? FindRefusal(IPAddress? address, string? principal)
    {
        if (address is not null && _addresses.TryGetValue(address, out var use))
        {
            if (use.Channels >= _options.MaxChannelsPerAddress)
            {
                return ConnectionRefusal.Of(ConnectionRefusalReason.AddressFull);
            }

            if (use.Rate.Wait is var wait && wait > TimeSpan.Zero)
            {
                return ConnectionRefusal.Of(ConnectionRefusalReason.AddressAcceptRate, wait);
            }
        }

        if (principal is not null && _principals.GetValueOrDefault(principal) >= _options.MaxChannelsPerPrincipal)
        {
            return ConnectionRefusal.Of(ConnectionRefusalReason.PrincipalFull);
        }

        if (_channels >= _options.MaxChannels)
        {
            return ConnectionRefusal.Of(ConnectionRefusalReason.Full);
        }

        if (_bufferPool?.RentedBytes >= _options.MaxBufferedBytes)
        {
            return ConnectionRefusal.Of(ConnectionRefusalReason.Memory);
        }

        return _rate.Wait is var pause && pause > TimeSpan.Zero ? ConnectionRefusal.Of(ConnectionRefusalReason.AcceptRate, pause) : null;
    }

    private void Enter(IPAddress? address, string? principal)
    {
        _channels++;
        _rate.Take();
        if (address is not null)
        {
            if (!_addresses.TryGetValue(address, out var use))
            {
                // Only here, where a place was given: addresses that are refused, which may be any number, leave nothing behind.
                use = new AddressUse(new TokenBucket(_options.MaxAcceptsPerSecondPerAddress, _options.AcceptBurstPerAddress, _timeProvider));
                _addresses.Add(address, use);
            }

            use.Channels++;
            use.Rate.Take();
        }

        if (principal is not null)
        {
            _principals[principal] = _principals.GetValueOrDefault(principal) + 1;
        }
    }

    private void Tick()
    {
        if (!_ticking)
        {
            _ticking = true;
            _timer.Change(TickInterval, TickInterval);
        }
    }

    private void OnTick()
    {
        // A tick that takes longer than a second is not overtaken by the next.
        if (Interlocked.Exchange(ref _judging, 1) == 0)
        {
            try
            {
                Judge();
            }
            finally
            {
                Volatile.Write(ref _judging, 0);
            }
        }
    }

    private void Judge()
    {
        GuardedMessageChannel[] watched;
        lock (_gate)
        {
            _refusals.Tell();
            foreach (var (address, use) in _addresses)
            {
                // Removing while walking is allowed of a Dictionary.
                if (use.Channels == 0 && use.Rate.IsFull)
                {
                    _addresses.Remove(address);
                }
            }

            watched = [.. _watched];
            if (_channels == 0 && _addresses.Count == 0 && !_refusals.IsBehind)
            {
                _ticking = false;
                _timer.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
            }
        }

        var now = _timeProvider.GetTimestamp();
        foreach (var channel in watched)
        {
            if (channel.Judge(now, _options) is { } why)
            {
                Log.PeerExpelled(_logger, channel.Id, channel.RemoteAddress, why);
                _ = channel.ExpelAsync(why);
            }
        }
    }

    private sealed class AddressUse(TokenBucket rate)
    {
        public TokenBucket Rate => rate;

        public int Channels { get; set; }
    }
}
