using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using static Transports.Udp.LinuxSocketCalls;

namespace Transports.Udp;

/// <summary>
/// Hands a buffer of datagrams, each after its length in four bytes, to the operating system: on Linux many in one system
/// call, elsewhere one by one. Used by one flusher at a time.
/// </summary>
/// <remarks>Every datagram is counted: as sent when the operating system took it, as a send error when it refused it.</remarks>
internal sealed class DatagramWriter
{
    // Linux takes 64 segments in one UDP_SEGMENT send since 4.18; later versions take more.
    private const int MaxSegments = 64;

    // The kernel's limit is a whole IP packet, headers included.
    private const int MaxOffloadBytes = 65_000;

    // Bounds the memory on the stack: 8 headers and 256 pieces are 4.8 KB.
    private const int MaxGroups = 8;
    private const int MaxVectors = 256;

    // A local address, and the size of segments.
    private const int MaxControlLength = LocalIP.MaxControlLength + ControlLength;

    private readonly Socket _socket;
    private readonly SocketAddress? _peer;
    private readonly SendRoom? _room;
    private readonly IDatagramCalls _calls;

    // Whether many go in one call.
    private bool _native;

    // The largest size the kernel has not refused to cut: a path's MTU is in the way above it. 0 when it cuts nothing.
    private int _maxSegmentSize;

    // The control message that says which address to send from; empty where the kernel may choose.
    private byte[] _source = [];

    /// <summary>A writer to the peer that the socket is connected to.</summary>
    public DatagramWriter(Socket socket, UdpCounters counters, UdpTransportOptions options)
    {
        _socket = socket;
        Counters = counters;
        _calls = options.Calls;
        _native = options.EnableBatching && _calls.IsSupported;
        _maxSegmentSize = _native && _calls.SupportsSegmentation(socket) ? int.MaxValue : 0;
    }

    /// <summary>A writer to one of the peers that share a socket.</summary>
    /// <param name="socket">The socket.</param>
    /// <param name="peer">Where to send to.</param>
    /// <param name="source">Where to send from; where it is not known, the kernel chooses.</param>
    /// <param name="room">Where to wait for a full socket.</param>
    /// <param name="counters">What to count in.</param>
    /// <param name="options">Limits and choices.</param>
    public DatagramWriter(Socket socket, SocketAddress peer, LocalIP source, SendRoom room, UdpCounters counters, UdpTransportOptions options)
        : this(socket, counters, options)
    {
        _peer = peer;
        _room = room;
        Span<byte> control = stackalloc byte[LocalIP.MaxControlLength];
        _source = control[..source.WriteControl(control)].ToArray();
    }

    public UdpCounters Counters { get; }

    // .NET's own calls take no control message.
    private bool UsesOwnCalls => _native || _source.Length > 0;

    /// <summary>Sends all datagrams of the buffer.</summary>
    /// <param name="frames">Datagrams, each after its length.</param>
    /// <exception cref="SocketException">A connected socket heard that nobody is there, or the socket is gone.</exception>
    public ValueTask WriteAsync(ReadOnlyMemory<byte> frames)
    {
        if (!UsesOwnCalls)
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
            if (_source.Length > 0)
            {
                await _room!.WaitAsync().ConfigureAwait(false);
            }
            else
            {
                await WriteOneByOneAsync(frames, once: _native).ConfigureAwait(false);
                if (!_native)
                {
                    return;
                }

                frames = frames[(sizeof(int) + BinaryPrimitives.ReadInt32BigEndian(frames.Span))..];
            }

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
                var sending = _peer is null
                    ? _socket.SendAsync(datagram, SocketFlags.None)
                    : _socket.SendToAsync(datagram, SocketFlags.None, _peer);
                await sending.ConfigureAwait(false);
                Counters.AddSent(1, length);
            }
            catch (SocketException e) when (!EndsChannel(e.SocketErrorCode))
            {
                Counters.AddSendErrors(1);
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
        SocketError.ConnectionRefused or SocketError.ConnectionReset or SocketError.HostUnreachable or SocketError.NetworkUnreachable or SocketError.NetworkDown => _peer is null,
        _ => false,
    };

    // Returns how far it came before the socket's buffer was full. What is on the stack is written before it is read, so
    // clearing it first, five kilobytes, would be for nothing.
    [SkipLocalsInit]
    private unsafe int SendMany(ReadOnlySpan<byte> frames)
    {
        var messages = stackalloc MessageHeader[MaxGroups];
        var vectors = stackalloc Vector[MaxVectors];
        var controls = stackalloc byte[MaxGroups * MaxControlLength];
        var ends = stackalloc int[MaxGroups];
        var position = 0;
        fixed (byte* data = frames)
        fixed (byte* name = _peer is null ? default : _peer.Buffer.Span[.._peer.Size])
        {
            while (position < frames.Length)
            {
                var groups = 0;
                var used = 0;
                var end = position;
                while (groups < (_native ? MaxGroups : 1) && end < frames.Length && used + MaxSegments <= MaxVectors)
                {
                    end = AddGroup(frames, data, end, &messages[groups], &vectors[used], &controls[groups * MaxControlLength]);
                    messages[groups].Name = name;
                    messages[groups].NameLength = name is null ? 0 : (uint)_peer!.Size;
                    used += (int)messages[groups].VectorCount;
                    ends[groups++] = end;
                }

                var sent = groups == 1
                    ? _calls.SendOne(_socket.SafeHandle, messages)
                    : _calls.SendMany(_socket.SafeHandle, messages, groups);
                for (var i = 0; i < sent; i++)
                {
                    Counters.AddSent((long)messages[i].VectorCount, messages[i].Length);
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
        if (_native && size > 0 && size <= _maxSegmentSize)
        {
            var total = size;
            while (count < MaxSegments && position < frames.Length)
            {
                var next = BinaryPrimitives.ReadInt32BigEndian(frames[position..]);
                if (next > size || next == 0 || total + next > MaxOffloadBytes)
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
        var used = _source.Length;
        _source.CopyTo(new Span<byte>(control, used));
        if (count > 1)
        {
            // struct cmsghdr { size_t length; int level; int type; } and a 16-bit segment size.
            *(nuint*)(control + used) = ControlHeaderLength + sizeof(ushort);
            *(int*)(control + used + 8) = SolUdp;
            *(int*)(control + used + 12) = UdpSegment;
            *(ushort*)(control + used + ControlHeaderLength) = (ushort)size;
            used += ControlLength;
        }

        if (used > 0)
        {
            message->Control = control;
            message->ControlLength = (nuint)used;
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
                _maxSegmentSize = (int)first.Vectors[0].Length - 1;
                return true;
            case IoError or NotSupported when first.VectorCount > 1:
                // The device has no checksum offload, or the kernel no segmentation.
                _maxSegmentSize = 0;
                return true;
            case Invalid or AddressNotAvailable when _source.Length > 0:
                // Not an address to send from: a broadcast's, or one that this machine has lost since. The kernel chooses, then.
                _source = [];
                return UsesOwnCalls;
            case BadDescriptor or NotASocket:
                throw ToException(errno);
            case ConnectionRefused or HostUnreachable or NetworkUnreachable or NetworkDown when _peer is null:
                throw ToException(errno);
            default:
                Counters.AddSendErrors((long)first.VectorCount);
                position = firstEnd;
                return true;
        }
    }
}
