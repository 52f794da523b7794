using System.Net;
using System.Security.Cryptography;

namespace Transports.Engine;

/// <summary>By what a guard tells peers apart.</summary>
internal static class RemotePeer
{
    /// <summary>The IP address of a channel's other end; <see langword="null"/> where there is none.</summary>
    public static IPAddress? AddressOf(IMessageChannel channel)
    {
        if (channel.GetFeature<IConnectionEndPointFeature>()?.RemoteEndPoint is IPEndPoint endPoint)
        {
            return endPoint.Address;
        }

        return channel.RemoteAddress is { HostNameType: UriHostNameType.IPv4 or UriHostNameType.IPv6 } uri && IPAddress.TryParse(uri.IdnHost, out var address)
            ? address
            : null;
    }

    /// <summary>The subject of the certificate that the other end has shown; its issuer belongs to it, or one authority's clients could be counted as another's.</summary>
    public static string? PrincipalOf(IMessageChannel channel)
    {
        try
        {
            return channel.GetFeature<ITlsFeature>()?.RemoteCertificate is { } certificate ? $"{certificate.Issuer}\n{certificate.Subject}" : null;
        }
        catch (Exception e) when (e is InvalidOperationException or CryptographicException)
        {
            // The connection has ended already, and its certificate with it.
            return null;
        }
    }

    /// <summary>What addresses are counted by: the address, of IPv6 the network of 64 bits that one client has to itself.</summary>
    public static IPAddress KeyOf(IPAddress address)
    {
        if (address.IsIPv4MappedToIPv6)
        {
            return address.MapToIPv4();
        }

        if (address.AddressFamily != System.Net.Sockets.AddressFamily.InterNetworkV6 || address.IsIPv6LinkLocal || IPAddress.IsLoopback(address))
        {
            return address;
        }

        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out _);
        bytes[8..].Clear();
        return new IPAddress(bytes);
    }
}
