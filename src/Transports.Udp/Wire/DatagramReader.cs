using System.Buffers;
using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using static Transports.Udp.LinuxSocketCalls;

namespace Transports.Udp;

/// <summary>
/// Reads datagrams from a socket into one pooled buffer, several at once where Linux allows it, and hands them out one by one.
/// </summary>
/// <remarks>
/// <para>Used by one caller at a time. <see cref="TryStartRead"/> begins a read; when it has to wait, the callback given to the constructor is
/// called, and then <see cref="CompleteRead"/>. The buffer is not touched while datagrams of the last read are handed out.</para>
/// <para>A quiet socket is read like any other, one datagram a call: that is the shortest way for a single one. After
/// <see cref="BurstAfter"/> reads that found a datagram waiting, reading is batched where that is possible: recvmmsg with a number of slots
/// that doubles as long as reads fill all of them and falls back to one at each wait; and the kernel may join datagrams
/// of one sender and size in one slot, which then takes 64 KiB. From there on waiting is a read of zero bytes, which on
/// Linux takes no datagram. An idle socket waits that way too, and holds no buffer; and one that has to tell which address each
/// datagram was sent to, which only recvmsg and recvmmsg do.</para>
/// <list type="table">
/// <listheader><term>reading</term><description>a read that has to wait, and a read of what is there</description></listheader>
/// <item><term>one by one</term><description>Both are one call for one datagram: where nothing is native, and on a busy socket.</description></item>
/// <item><term>idle, or with local addresses</term><description>Zero bytes; then one datagram.</description></item>
/// <item><term>batched</term><description>Zero bytes; then as many as there are slots, and again while all were filled (a burst).</description></item>
/// </list>
/// </remarks>
internal sealed class DatagramReader
{
    private const int MaxSlots = 8;

    // An answer that is there before it is asked for is no burst; so many in a row are.
    private const int BurstAfter = 64;
    private const int OffloadSlotSize = 64 * 1024;

    // A wait longer than this makes the socket idle: the next wait holds no buffer.
    private const long IdleAfterMilliseconds = 1000;

    // A segment size, and a local address in both of its forms, as dual mode tells it: 24, 32 and 40.
    private const int MaxControlLength = 96;

    // sockaddr_in6 has 28 bytes; rounded up.
    private const int NameStride = 32;

    private readonly Socket _socket;
    private readonly ArrayPool<byte> _pool;
    private readonly Action _onReadable;
    private readonly SocketAddress? _from;
    private readonly int _maxMessageSize;
    private readonly IDatagramCalls _calls;
    private readonly bool _useOffload;
    private readonly int[] _lengths = new int[MaxSlots];
    private readonly int[] _segments = new int[MaxSlots];
    private readonly LocalIP[] _locals;
    private readonly byte[] _names;
    private readonly bool _tellsLocal;
    private bool _native;
    private int _slotSize;
    private byte[] _buffer = [];
    private int _slots = 1;
    private int _filled;
    private int _slot;
    private int _offset;
    private bool _batched;
    private bool _burst;
    private bool _zeroByteRead;
    private int _foundWaiting;
    private bool _idle = true;
    private long _waitingSince;
    private ConfiguredValueTaskAwaitable<int>.ConfiguredValueTaskAwaiter _reading;

    /// <summary>A reader.</summary>
    /// <param name="socket">A bound datagram socket, its owner's to dispose.</param>
    /// <param name="connected">Whether it hears one peer only, whose address need not be read.</param>
    /// <param name="options">Limits and services.</param>
    /// <param name="onReadable">Called, on any thread, when a read that had to wait can be completed.</param>
    /// <param name="tellsLocal">Whether the socket was asked to say which address each datagram was sent to.</param>
    public DatagramReader(Socket socket, bool connected, UdpTransportOptions options, Action onReadable, bool tellsLocal = false)
    {
        _socket = socket;
        _pool = options.BufferPool;
        _onReadable = onReadable;
        _maxMessageSize = options.MaxMessageSize;
        _calls = options.Calls;
        _native = options.EnableBatching && _calls.IsSupported;
        _useOffload = options.EnableReceiveOffload;
        _tellsLocal = tellsLocal;
        _locals = tellsLocal ? new LocalIP[MaxSlots] : [];

        // One byte more than is allowed shows what is too large.
        _slotSize = _maxMessageSize + 1;
        _names = connected ? [] : new byte[_native ? MaxSlots * NameStride : NameStride];
        _from = connected ? null : new SocketAddress(socket.AddressFamily);
    }

    /// <summary>Datagrams of the last read are left; a hint to other threads.</summary>
    public bool HasMore => Volatile.Read(ref _slot) < Volatile.Read(ref _filled);

    /// <summary>The native address of the sender of the datagram taken last; stays until the next read.</summary>
    public ReadOnlySpan<byte> Sender => _names.AsSpan(CurrentSlot * NameStride, NameStride);

    /// <summary>Which address of this machine the datagram taken last was sent to, where the socket tells.</summary>
    public LocalIP Local => _tellsLocal ? _locals[CurrentSlot] : default;

    /// <summary>Datagrams taken since the sender may have changed come from the same one.</summary>
    public bool SenderIsNew { get; private set; }

    private int CurrentSlot { get; set; }

    /// <summary>Takes the next datagram of the last read.</summary>
    /// <param name="datagram">Its payload; stays until the next read.</param>
    /// <param name="tooLarge">It is over the limit, and what is in <paramref name="datagram"/> may be cut short.</param>
    public bool TryTake(out ReadOnlyMemory<byte> datagram, out bool tooLarge)
    {
        if (_slot >= _filled)
        {
            datagram = default;
            tooLarge = false;
            return false;
        }

        var slot = _slot;
        var rest = _lengths[slot] - _offset;
        var length = Math.Min(rest, _segments[slot]);
        datagram = new ReadOnlyMemory<byte>(_buffer, (slot * _slotSize) + _offset, length);
        tooLarge = length > _maxMessageSize;
        SenderIsNew = _offset == 0;
        CurrentSlot = slot;
        _offset += length;
        if (length == rest)
        {
            _offset = 0;
            Volatile.Write(ref _slot, slot + 1);
        }

        return true;
    }

    /// <summary>Begins a read.</summary>
    /// <returns><see langword="true"/> when datagrams are there already; otherwise the callback comes.</returns>
    /// <exception cref="SocketException">Reading failed.</exception>
    public bool TryStartRead()
    {
        if (_burst)
        {
            ReceiveMany();
            if (_filled > 0)
            {
                return true;
            }
        }

        while (true)
        {
            _zeroByteRead = _batched || _tellsLocal || (_idle && _native);
            if (!TryStart(_zeroByteRead ? StartZeroByteRead() : StartRead()))
            {
                return false;
            }

            if (_filled == 0)
            {
                continue;
            }

            // It was there already, so more may follow.
            _burst = _batched;
            if (!_batched && _native && ++_foundWaiting >= BurstAfter)
            {
                _batched = _burst = true;
                if (_useOffload && _calls.TryEnableReceiveOffload(_socket))
                {
                    // What was just read is not touched: it is in the first slot, which begins where it did.
                    _slotSize = OffloadSlotSize;
                }
            }

            return true;
        }
    }

    /// <summary>Takes the result of a read that had to wait. May find nothing.</summary>
    /// <exception cref="SocketException">Reading failed.</exception>
    public void CompleteRead()
    {
        var reading = _reading;
        _reading = default;
        _idle = _waitingSince != 0 && Environment.TickCount64 - _waitingSince > IdleAfterMilliseconds;
        _waitingSince = 0;
        if (_zeroByteRead)
        {
            reading.GetResult();
            ReceiveMany();
            return;
        }

        int count;
        try
        {
            count = reading.GetResult();
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.MessageSize)
        {
            // Windows says so instead of cutting the datagram short.
            count = _slotSize;
        }

        _lengths[0] = _segments[0] = count;
        Publish(1);
        _from?.Buffer.Span[.._from.Size].CopyTo(_names);
    }

    /// <summary>Gives the buffer back. Nothing may be read or taken at the same time.</summary>
    public void Release(bool abandon = false)
    {
        var buffer = _buffer;
        _buffer = [];
        Publish(0);
        if (buffer.Length > 0 && !abandon)
        {
            _pool.Return(buffer);
        }
        else if (buffer.Length > 0)
        {
            _pool.Abandon(buffer);
        }
    }

    private ValueTask<int> StartZeroByteRead()
    {
        _slots = 1;
        if (_idle || _buffer.Length > 2 * _slotSize)
        {
            Release();
        }

        return _socket.ReceiveAsync(Memory<byte>.Empty, SocketFlags.None);
    }

    private ValueTask<int> StartRead()
    {
        EnsureBuffer(_slotSize);
        return _from is null
            ? _socket.ReceiveAsync(_buffer.AsMemory(0, _slotSize), SocketFlags.None)
            : _socket.ReceiveFromAsync(_buffer.AsMemory(0, _slotSize), SocketFlags.None, _from);
    }

    private bool TryStart(ValueTask<int> reading)
    {
        var awaiter = reading.ConfigureAwait(false).GetAwaiter();
        _reading = awaiter;
        if (!awaiter.IsCompleted)
        {
            _foundWaiting = 0;
            _waitingSince = Environment.TickCount64;
            awaiter.UnsafeOnCompleted(_onReadable);
            return false;
        }

        CompleteRead();
        return true;
    }

    private void Publish(int filled)
    {
        _offset = 0;
        Volatile.Write(ref _filled, filled);
        Volatile.Write(ref _slot, 0);
    }

    private void EnsureBuffer(int size)
    {
        if (_buffer.Length < size)
        {
            Release();
            _buffer = _pool.Rent(size);
        }
    }

    // What is on the stack is written before it is read, so clearing it first would be for nothing.
    [SkipLocalsInit]
    private unsafe void ReceiveMany()
    {
        EnsureBuffer(_slots * _slotSize);
        var messages = stackalloc MessageHeader[_slots];
        var vectors = stackalloc Vector[_slots];
        var controls = stackalloc byte[_slots * MaxControlLength];
        int count;
        fixed (byte* data = _buffer)
        fixed (byte* names = _names)
        {
            for (var i = 0; i < _slots; i++)
            {
                vectors[i] = new Vector { Base = data + (i * _slotSize), Length = (nuint)_slotSize };
                messages[i] = new MessageHeader
                {
                    Name = names is null ? null : names + (i * NameStride),
                    NameLength = names is null ? 0u : NameStride,
                    Vectors = &vectors[i],
                    VectorCount = 1,
                    Control = controls + (i * MaxControlLength),
                    ControlLength = MaxControlLength,
                };
            }

            do
            {
                count = _native
                    ? _calls.ReceiveMany(_socket.SafeHandle, messages, _slots)
                    : _calls.ReceiveOne(_socket.SafeHandle, messages);
            }
            while (count == -Interrupted);
        }

        if (count < 0)
        {
            Publish(0);
            _burst = false;
            if (count == -NoSuchCall && _native)
            {
                // A sandbox's filter, for good: one by one, then. Nothing was joined yet, as this is the first call of its sort.
                _native = _batched = false;
                _slots = 1;
            }
            else if (count != -WouldBlock)
            {
                throw ToException(-count);
            }

            return;
        }

        for (var i = 0; i < count; i++)
        {
            _lengths[i] = (int)messages[i].Length;
            ReadControl(messages[i], out _segments[i], out var local);
            if (_tellsLocal)
            {
                _locals[i] = local;
            }
        }

        Publish(count);
        if (count < _slots)
        {
            _burst = false;
        }
        else if (_burst)
        {
            _slots = Math.Min(_slots * 2, MaxSlots);
        }
    }

    // What the kernel joined carries the size of the pieces; what it was told to, the local address. Each is a struct cmsghdr
    // { size_t length; int level; int type; } and data, and begins at a multiple of eight bytes.
    private static unsafe void ReadControl(in MessageHeader message, out int segment, out LocalIP local)
    {
        segment = int.MaxValue;
        local = default;
        var rest = new ReadOnlySpan<byte>(message.Control, (int)message.ControlLength);
        while (rest.Length >= ControlHeaderLength)
        {
            var length = BinaryPrimitives.ReadInt64LittleEndian(rest);
            if (length < ControlHeaderLength || length > rest.Length)
            {
                return;
            }

            var data = rest[ControlHeaderLength..(int)length];
            switch ((BinaryPrimitives.ReadInt32LittleEndian(rest[8..]), BinaryPrimitives.ReadInt32LittleEndian(rest[12..])))
            {
                case (SolUdp, UdpGro) when data.Length >= sizeof(int):
                    segment = BinaryPrimitives.ReadInt32LittleEndian(data);
                    break;
                case (SolIp, IpPacketInfo) when data.Length >= InPacketInfoLength:
                    // Comes after the other form where both come, and knows better.
                    local = LocalIP.FromIPv4(BinaryPrimitives.ReadUInt32LittleEndian(data[4..]));
                    break;
                case (SolIpv6, Ipv6PacketInfo) when data.Length >= In6PacketInfoLength:
                    local = LocalIP.FromIPv6(data[..16], BinaryPrimitives.ReadInt32LittleEndian(data[16..]));
                    break;
            }

            rest = rest[Math.Min(rest.Length, (int)((length + 7) & ~7L))..];
        }
    }
}
