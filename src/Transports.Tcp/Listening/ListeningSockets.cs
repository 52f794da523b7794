using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;

namespace Transports.Tcp;

/// <summary>Binds the sockets of a listening address.</summary>
internal static class ListeningSockets
{
    // With port 0 the port that IPv4 got may be taken on IPv6; another one is asked for then.
    private const int PortAttempts = 16;

    public static (IReadOnlyList<Socket> Sockets, Uri LocalAddress, UnixSocketFile? File) Bind(TcpAddress address, AddressText shown, int backlog, ILogger logger)
    {
        if (address.Path is { } path)
        {
            var (unix, file) = UnixSocketPath.Listen(path, shown, backlog);
            return ([unix], TcpAddress.ToUnixUri(path), file);
        }

        try
        {
            if (HostAddress.IsLocalhostName(address.Host))
            {
                return BindLoopback(address, backlog, logger);
            }

            var socket = Bind(new IPEndPoint(ParseLiteral(address, shown), address.Port));
            return (Listen([socket], backlog), HostAddress.ToUri(address.Scheme, socket.LocalEndPoint)!, null);
        }
        catch (SocketException e)
        {
            throw Explain(shown, e);
        }
    }

    private static (IReadOnlyList<Socket> Sockets, Uri LocalAddress, UnixSocketFile? File) BindLoopback(TcpAddress address, int backlog, ILogger logger)
    {
        for (var attempt = 1; ; attempt++)
        {
            var first = Bind(new IPEndPoint(IPAddress.Loopback, address.Port));
            var port = ((IPEndPoint)first.LocalEndPoint!).Port;
            var localAddress = HostAddress.ToUri(address.Scheme, HostAddress.Localhost, port);
            try
            {
                var second = Bind(new IPEndPoint(IPAddress.IPv6Loopback, port));
                return (Listen([first, second], backlog), localAddress, null);
            }
            catch (SocketException e) when (e.SocketErrorCode is SocketError.AddressFamilyNotSupported or SocketError.AddressNotAvailable or SocketError.ProtocolNotSupported)
            {
                Log.NoIPv6Loopback(logger, localAddress, e.Message);
                return (Listen([first], backlog), localAddress, null);
            }
            catch (SocketException e) when (address.Port == 0 && attempt < PortAttempts && e.SocketErrorCode == SocketError.AddressAlreadyInUse)
            {
                first.Dispose();
            }
            catch
            {
                first.Dispose();
                throw;
            }
        }
    }

    private static Socket Bind(IPEndPoint endPoint)
    {
        var socket = new Socket(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            if (endPoint.AddressFamily == AddressFamily.InterNetworkV6)
            {
                // [::] is every address of the machine, those of IPv4 too; any other address is itself.
                socket.DualMode = endPoint.Address.Equals(IPAddress.IPv6Any);
            }

            if (OperatingSystem.IsWindows())
            {
                // Elsewhere .NET sets what lets a server restart while old connections linger; on Windows that same
                // option would let another program take the port over.
                socket.ExclusiveAddressUse = true;
            }

            socket.Bind(endPoint);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static IReadOnlyList<Socket> Listen(IReadOnlyList<Socket> sockets, int backlog)
    {
        try
        {
            foreach (var socket in sockets)
            {
                socket.Listen(backlog);
            }

            return sockets;
        }
        catch
        {
            foreach (var socket in sockets)
            {
                socket.Dispose();
            }

            throw;
        }
    }

    private static IPAddress ParseLiteral(TcpAddress address, AddressText shown)
        => IPAddress.TryParse(address.Host, out var literal)
            ? literal
            : throw new ArgumentException(
                $"Cannot listen on '{shown}': '{address.Host}' is a name. Write localhost, an IP address of this machine, or [::] for all of its addresses.",
                nameof(address));

    private static TransportException Explain(AddressText shown, SocketException error)
    {
        var advice = error.SocketErrorCode switch
        {
            SocketError.AddressAlreadyInUse => "Another program, or another listener of this one, has the port: choose another, or 0 for a free one.",
            SocketError.AddressNotAvailable => "This machine does not have that address: use one that it has, or localhost, or [::] for all.",
            SocketError.AccessDenied => "This user may not use that port: choose one from 1024 up, or give the program the right.",
            _ => "Check the address.",
        };
        return new TransportException($"Could not listen on {shown}: {error.Message}. {advice}", error);
    }
}
