using System.Net.Sockets;
using static Transports.Udp.LinuxSocketCalls;

namespace Transports.Udp;

/// <summary>What batching asks of the operating system. Tests put one in between that refuses, as old kernels, sandboxes and full devices do.</summary>
internal unsafe interface IDatagramCalls
{
    /// <summary>Whether the calls exist here at all; otherwise nothing else is called, and datagrams go one by one by .NET's own.</summary>
    bool IsSupported { get; }

    /// <summary>Whether the kernel cuts one buffer into datagrams (UDP_SEGMENT, Linux 4.18). One that does not know it would send the buffer whole.</summary>
    bool SupportsSegmentation(Socket socket);

    /// <summary>Asks the kernel to join datagrams of one sender and size (UDP_GRO, Linux 5.0).</summary>
    bool TryEnableReceiveOffload(Socket socket);

    /// <summary>Has each datagram tell which address it was sent to (IP_PKTINFO, IPV6_RECVPKTINFO).</summary>
    bool TryEnablePacketInfo(Socket socket);

    /// <summary>sendmsg(2), or sendto(2) where that says all, without waiting.</summary>
    /// <returns>1, with the message's length set; or a negative error number.</returns>
    int SendOne(SafeSocketHandle socket, MessageHeader* message);

    /// <summary>recvmsg(2), without waiting.</summary>
    /// <returns>1, with the message's length set; or a negative error number.</returns>
    int ReceiveOne(SafeSocketHandle socket, MessageHeader* message);

    /// <summary>sendmmsg(2), without waiting.</summary>
    /// <returns>How many messages were taken; or the negative error number that the first of them met.</returns>
    int SendMany(SafeSocketHandle socket, MessageHeader* messages, int count);

    /// <summary>recvmmsg(2), without waiting.</summary>
    /// <returns>How many messages came; or a negative error number.</returns>
    int ReceiveMany(SafeSocketHandle socket, MessageHeader* messages, int count);
}
