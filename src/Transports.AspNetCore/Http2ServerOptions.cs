using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Transports;

/// <summary>How a server finds out that the client of an HTTP/2 connection has stopped: without it, one that stops without a word is never noticed where its channels are idle.</summary>
public sealed class Http2ServerOptions
{
    /// <summary>
    /// How long a connection may be silent before a PING asks whether the client is still there (Kestrel's <c>Limits.Http2.KeepAlivePingDelay</c>).
    /// Default 30 seconds; at least 1 second, or <see cref="Timeout.InfiniteTimeSpan"/> for none.
    /// </summary>
    public TimeSpan KeepAliveInterval { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>How long to wait for the answer to a PING before the connection counts as lost. Default 20 seconds; at least 1 second, or <see cref="Timeout.InfiniteTimeSpan"/>, which waits for ever.</summary>
    public TimeSpan KeepAliveTimeout { get; set; } = TimeSpan.FromSeconds(20);

    /// <summary>Checks the values.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A value is out of its range; the message names it and the range.</exception>
    public void Validate()
    {
        Check(KeepAliveInterval, nameof(KeepAliveInterval));
        Check(KeepAliveTimeout, nameof(KeepAliveTimeout));
    }

    /// <summary>Turns the pings on, unless they are on already.</summary>
    internal void Apply(KestrelServerOptions kestrel)
    {
        // Kestrel's word for never is the largest time.
        var http2 = kestrel.Limits.Http2;
        if (KeepAliveInterval != Timeout.InfiniteTimeSpan && http2.KeepAlivePingDelay == TimeSpan.MaxValue)
        {
            http2.KeepAlivePingDelay = KeepAliveInterval;
            http2.KeepAlivePingTimeout = KeepAliveTimeout == Timeout.InfiniteTimeSpan ? TimeSpan.MaxValue : KeepAliveTimeout;
        }
    }

    // Kestrel looks once a second.
    private static void Check(TimeSpan value, string name)
    {
        if (value != Timeout.InfiniteTimeSpan)
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, TimeSpan.FromSeconds(1), name);
        }
    }
}
