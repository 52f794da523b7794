using System.Net.Sockets;

namespace Transports.Udp;

/// <summary>The kernel's count of what it dropped at a socket, which outlives the socket.</summary>
internal sealed class KernelDropCounter(Socket socket)
{
    private long _kept;

    /// <summary>The count now, or as it was when it was kept.</summary>
    public long Value => Math.Max(Volatile.Read(ref _kept), LinuxSocketCalls.ReadKernelDrops(socket));

    /// <summary>Before the socket is disposed of. Comes here again when that is done again; the socket then knows nothing any more.</summary>
    public void Keep() => Volatile.Write(ref _kept, Value);
}
