using System.Net.Sockets;

namespace Transports;

/// <summary>
/// How the operating system asks over a silent TCP connection whether the peer is still there (RFC 9293, section 3.8.4). On by
/// default: without it, a side that only receives never learns that its peer's machine or the way to it has gone.
/// </summary>
/// <remarks>With the defaults a vanished peer ends its channels as <see cref="ChannelCloseStatus.ConnectionLost"/> after two minutes. A connection that carries data asks nothing. No meaning for Unix domain sockets.</remarks>
public sealed class TcpKeepAliveOptions
{
    /// <summary>How long a connection is silent before the first question, in whole seconds. Default 60 seconds; at least 1 second. <see cref="Timeout.InfiniteTimeSpan"/> turns the questions off.</summary>
    public TimeSpan Time { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>How long to wait for an answer before the next question, in whole seconds. Default 10 seconds; at least 1 second.</summary>
    public TimeSpan Interval { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>How many questions without an answer end the connection. Default 6; from 1 to 127.</summary>
    public int RetryCount { get; set; } = 6;

    /// <summary>Checks the values.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A value is out of its range.</exception>
    public void Validate()
    {
        if (Time != Timeout.InfiniteTimeSpan)
        {
            OptionGuard.ThrowIfNotPositive(Time, nameof(Time));
            ArgumentOutOfRangeException.ThrowIfLessThan(Time, TimeSpan.FromSeconds(1), nameof(Time));
        }

        OptionGuard.ThrowIfNotPositive(Interval, nameof(Interval));
        ArgumentOutOfRangeException.ThrowIfLessThan(Interval, TimeSpan.FromSeconds(1), nameof(Interval));
        OptionGuard.ThrowIfOutOfRange(RetryCount, 1, 127, nameof(RetryCount));
    }

    /// <summary>Sets a TCP socket up; for transports.</summary>
    /// <param name="socket">The socket.</param>
    /// <exception cref="SocketException">The system refuses it, as some do on a connection that the peer has reset already.</exception>
    public void Apply(Socket socket)
    {
        ArgumentNullException.ThrowIfNull(socket);
        if (Time == Timeout.InfiniteTimeSpan)
        {
            socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, false);
            return;
        }

        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, Seconds(Time));
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, Seconds(Interval));
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveRetryCount, RetryCount);
        socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
    }

    // The systems count in seconds, and Linux takes 32,767 of them at most.
    private static int Seconds(TimeSpan time) => (int)Math.Min(Math.Ceiling(time.TotalSeconds), short.MaxValue);
}
