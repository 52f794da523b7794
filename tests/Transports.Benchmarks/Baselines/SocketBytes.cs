using System.Net.Sockets;

namespace Transports.Benchmarks;

/// <summary>A bare socket.</summary>
/// <param name="socket">A connected stream socket.</param>
internal readonly struct SocketBytes(Socket socket) : IRawBytes
{
    // A stream socket's send completes when all is sent.
    public ValueTask<int> SendAsync(ReadOnlyMemory<byte> bytes) => socket.SendAsync(bytes, SocketFlags.None);

    public ValueTask<int> ReceiveAsync(Memory<byte> buffer) => socket.ReceiveAsync(buffer, SocketFlags.None);

    public void Dispose() => socket.Dispose();
}
