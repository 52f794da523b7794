using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using static Transports.LinuxSocketCalls;

namespace Transports;

/// <summary>
/// Hands a buffer of datagrams, each after its length in four bytes, to the operating system: on Linux many in one system
/// call, elsewhere one by one. Used by one flusher at a time.
/// </summary>
/// <remarks>Every datagram is counted: as sent when the operating system took it, as dropped when it refused it.</remarks>
internal sealed class DatagramWriter(Socket socket, SocketAddress? peer, UdpCounters counters, UdpTransportOptions options)
{
    // Linux takes 64 segments in one UDP_SEGMENT send since 4.18; later versions take more.
    private const int MostSegments = 64;

    // The kernel's limit is a whole IP packet, headers included.
    private const int MostOffloadBytes = 65_000;

    // Bounds the memory on the stack: 8 headers and 256 pieces are 4.8 KB.
    private const int MostGroups = 8;
    private const int MostVectors = 256;

    private readonly IDatagramCalls _calls = options.Calls;
    private bool _native = options.UseBatching && options.Calls.IsSupported;

    // The largest size the kernel has not refused to cut: a path's MTU is in the way above it. 0 when it cuts nothing.
    private int _largestSegment = options.UseBatching && options.Calls.IsSupported && options.Calls.SupportsSegmentation(socket) ? int.MaxValue : 0;

    /// <summary>Sends all datagrams of the buffer.</summary>
    /// <param name="frames">Datagrams, each after its length.</param>
    /// <exception cref="SocketException">A connected socket heard that nobody is there, or the socket is gone.</exception>
    public ValueTask WriteAsync(ReadOnlyMemory<byte> frames)
    {
        if (!_native)
        {
            return WriteOneByOneAsync(frames, once: false);
        }

        var position = SendMany(frames.Span);
        return position == frames.Length ? ValueTask.CompletedTask : WriteRestAsync(frames[position..]);
    }

    // The socket's buffer is full: one send waits for room, the others follow.
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask WriteRestAsync(ReadOnlyMemory<byte> frames)
    {
        while (!frames.IsEmpty)
        {
            await WriteOneByOneAsync(frames, once: _native).ConfigureAwait(false);
            if (!_native)
            {
                return;
            }

            frames = frames[(sizeof(int) + BinaryPrimitives.ReadInt32BigEndian(frames.Span))..];
            frames = frames[SendMany(frames.Span)..];
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask WriteOneByOneAsync(ReadOnlyMemory<byte> frames, bool once)
    {
        while (!frames.IsEmpty)
        {
            var length = BinaryPrimitives.ReadInt32BigEndian(frames.Span);
            var datagram = frames.Slice(sizeof(int), length);
            try
            {
                var sending = peer is null
                    ? socket.SendAsync(datagram, SocketFlags.None)
                    : socket.SendToAsync(datagram, SocketFlags.None, peer);
                await sending.ConfigureAwait(false);
                counters.AddSent(1, length);
            }
            catch (SocketException e) when (!EndsChannel(e.SocketErrorCode))
            {
                counters.AddUnsent(1);
            }

            if (once)
            {
                return;
            }

            frames = frames[(sizeof(int) + length)..];
        }
    }

    // On a connected socket these are news of the peer; on a shared one they concern this datagram only.
    private bool EndsChannel(SocketError error) => error switch
    {
        SocketError.OperationAborted or SocketError.Interrupted or SocketError.NotSocket => true,
        SocketError.ConnectionRefused or SocketError.ConnectionReset or SocketError.HostUnreachable or SocketError.NetworkUnreachable or SocketError.NetworkDown => peer is null,
        _ => false,
    };

    // Returns how far it came before the socket's buffer was full. What is on the stack is written before it is read, so
    // clearing it first, five kilobytes, would be for nothing.
    [SkipLocalsInit]
    private unsafe int SendMany(ReadOnlySpan<byte> frames)
    {
        var messages = stackalloc MessageHeader[MostGroups];
        var vectors = stackalloc Vector[MostVectors];
        var controls = stackalloc byte[MostGroups * ControlLength];
        var ends = stackalloc int[MostGroups];
        var position = 0;
        fixed (byte* data = frames)
        fixed (byte* name = peer is null ? default : peer.Buffer.Span[..peer.Size])
        {
            while (position < frames.Length)
            {
                var groups = 0;
                var used = 0;
                var end = position;
                while (groups < MostGroups && end < frames.Length && used + MostSegments <= MostVectors)
                {
                    end = AddGroup(frames, data, end, &messages[groups], &vectors[used], &controls[groups * ControlLength]);
                    messages[groups].Name = name;
                    messages[groups].NameLength = name is null ? 0 : (uint)peer!.Size;
                    used += (int)messages[groups].VectorCount;
                    ends[groups++] = end;
                }

                var sent = _calls.SendMany(socket.SafeHandle, messages, groups);
                for (var i = 0; i < sent; i++)
                {
                    counters.AddSent((long)messages[i].VectorCount, messages[i].Length);
                    position = ends[i];
                }

                // Short of all, the next call reports why the first of the rest was not taken.
                if (sent < 0 && !Recover(-sent, messages[0], ends[0], ref position))
                {
                    break;
                }
            }
        }

        return position;
    }

    // One message, or, where the kernel cuts it up again, several of one size of which only the last may be shorter.
    private unsafe int AddGroup(ReadOnlySpan<byte> frames, byte* data, int position, MessageHeader* message, Vector* vectors, byte* control)
    {
        var size = BinaryPrimitives.ReadInt32BigEndian(frames[position..]);
        vectors[0] = new Vector { Base = data + position + sizeof(int), Length = (nuint)size };
        position += sizeof(int) + size;
        var count = 1;
        if (size > 0 && size <= _largestSegment)
        {
            var total = size;
            while (count < MostSegments && position < frames.Length)
            {
                var next = BinaryPrimitives.ReadInt32BigEndian(frames[position..]);
                if (next > size || next == 0 || total + next > MostOffloadBytes)
                {
                    break;
                }

                vectors[count++] = new Vector { Base = data + position + sizeof(int), Length = (nuint)next };
                position += sizeof(int) + next;
                total += next;
                if (next < size)
                {
                    break;
                }
            }
        }

        *message = new MessageHeader { Vectors = vectors, VectorCount = (nuint)count };
        if (count > 1)
        {
            // struct cmsghdr { size_t length; int level; int type; } and a 16-bit segment size.
            *(nuint*)control = ControlHeaderLength + sizeof(ushort);
            *(int*)(control + 8) = SolUdp;
            *(int*)(control + 12) = UdpSegment;
            *(ushort*)(control + ControlHeaderLength) = (ushort)size;
            message->Control = control;
            message->ControlLength = ControlLength;
        }

        return position;
    }

    // Returns false when the socket has to be waited for.
    private unsafe bool Recover(int errno, in MessageHeader first, int firstEnd, ref int position)
    {
        switch (errno)
        {
            case Interrupted:
                return true;
            case WouldBlock:
                return false;
            case NoSuchCall:
                // A sandbox's filter, for good.
                _native = false;
                return false;
            case Invalid or MessageTooLong when first.VectorCount > 1:
                // Larger than the path takes in one piece, so it cannot be a segment; fragments can.
                _largestSegment = (int)first.Vectors[0].Length - 1;
                return true;
            case IoError or NotSupported when first.VectorCount > 1:
                // The device has no checksum offload, or the kernel no segmentation.
                _largestSegment = 0;
                return true;
            case BadDescriptor or NotASocket:
                throw ToException(errno);
            case ConnectionRefused or HostUnreachable or NetworkUnreachable or NetworkDown when peer is null:
                throw ToException(errno);
            default:
                counters.AddUnsent((long)first.VectorCount);
                position = firstEnd;
                return true;
        }
    }
}
