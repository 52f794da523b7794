using System.Buffers;

namespace Transports.Engine;

/// <summary>The bytes that have arrived and were not decoded: one contiguous buffer, and one aside for what arrives while a message in the first is lent.</summary>
/// <remarks>
/// <para>Only a frame that straddles the buffer's end is moved. The buffer grows as bytes arrive, never on a declared length alone; it shrinks again when what
/// arrives is small, and one that grew for a large message is given back when it is empty.</para>
/// <para>For whoever is inside the channel's receive gate. While a read into it is pending its room stays where it is: only bytes before that may be taken.</para>
/// </remarks>
internal sealed class ReceiveBuffer(ArrayPool<byte> pool, int maxReadSize)
{
    // An idle or quiet channel's: most small messages fit.
    private const int MinCapacity = 1024;

    // From here on the bytes missing from a frame are read to the exact end of the frame, so that the next one begins at the
    // buffer's start and is never moved; below it, reading as much as there is saves more calls than it costs copies.
    private const int ExactReadThreshold = 16 * 1024;

    // So many emptied buffers in a row that were hardly used make the next one smaller.
    private const int ShrinkAfter = 8;

    private byte[] _array = [];
    private int _start;
    private int _end;
    private byte[] _aside = [];
    private int _asideStart;
    private int _asideEnd;
    private int _capacity = MinCapacity;
    private int _hardlyUsed;

    /// <summary>Nothing in the first buffer.</summary>
    public bool IsEmpty => _start == _end;

    /// <summary>Nothing was left undecoded. May be asked by any thread; a hint then.</summary>
    public bool HasUnread => Volatile.Read(ref _start) != Volatile.Read(ref _end) || Volatile.Read(ref _asideStart) != Volatile.Read(ref _asideEnd);

    public int UnreadLength => _end - _start + (_asideEnd - _asideStart);

    /// <summary>How much memory a pending read keeps from others.</summary>
    public int Capacity => _array.Length;

    public byte[] Array => _array;

    public int Start => _start;

    public Memory<byte> Unread => _array.AsMemory(_start, _end - _start);

    public ReadOnlySpan<byte> Aside => _aside.AsSpan(_asideStart, _asideEnd - _asideStart);

    public void Consume(int count) => Volatile.Write(ref _start, _start + count);

    /// <summary>Forgets what was not decoded.</summary>
    public void Clear()
    {
        _start = _end;
        _asideStart = _asideEnd;
    }

    /// <summary>Room for the next read.</summary>
    /// <param name="bytesNeeded">How many bytes the frame at the buffer's beginning is known to lack; 0 when unknown.</param>
    public Memory<byte> PrepareRead(int bytesNeeded)
    {
        MakeRoom(bytesNeeded);
        var room = _array.AsMemory(_end);
        return _start != _end && bytesNeeded >= ExactReadThreshold && bytesNeeded < room.Length ? room[..bytesNeeded] : room;
    }

    public void CompleteRead(int count)
    {
        if (count == _array.Length - _end && _capacity < maxReadSize)
        {
            // The read filled its room: there is more to come than was planned for.
            _capacity = Math.Min(_capacity * 2, maxReadSize);
        }

        Volatile.Write(ref _end, _end + count);
    }

    /// <summary>Room beside the first buffer, which is not touched.</summary>
    /// <param name="max">The most to read.</param>
    public Memory<byte> PrepareAside(int max)
    {
        var pending = _asideEnd - _asideStart;
        if (_aside.Length - _asideEnd == 0)
        {
            var larger = pool.Rent(Math.Max(MinCapacity, Math.Min(2 * (pending + 1), pending + max)));
            Aside.CopyTo(larger);
            ReturnAside();
            _aside = larger;
            _asideEnd = pending;
        }

        var room = _aside.AsMemory(_asideEnd);
        return room.Length > max ? room[..max] : room;
    }

    public void CompleteAside(int count) => Volatile.Write(ref _asideEnd, _asideEnd + count);

    /// <summary>Puts what came aside behind what is in the first buffer. No message may be lent from that.</summary>
    /// <param name="readIsPending">A read into the room aside is pending, so that array stays.</param>
    /// <returns><see langword="false"/> when nothing came aside.</returns>
    public bool TryTakeAside(bool readIsPending)
    {
        var count = _asideEnd - _asideStart;
        if (count == 0)
        {
            return false;
        }

        if (_start == _end && !readIsPending)
        {
            // They change places.
            ReturnArray();
            (_array, _start, _end) = (_aside, _asideStart, _asideEnd);
            (_aside, _asideStart, _asideEnd) = ([], 0, 0);
            return true;
        }

        Reserve(count);
        Aside.CopyTo(_array.AsSpan(_end));
        Volatile.Write(ref _end, _end + count);
        _asideStart = _asideEnd;
        if (!readIsPending)
        {
            ReturnAside();
        }

        return true;
    }

    /// <summary>Gives memory back, with nothing pending. What was not decoded is forgotten.</summary>
    /// <param name="abandon">A message in the first buffer may still be looked at: that is left to the collector.</param>
    public void Release(bool abandon = false)
    {
        if (abandon && _array.Length > 0)
        {
            pool.Abandon(_array);
            _array = [];
        }

        ReturnArray();
        ReturnAside();
    }

    /// <summary>Gives the first buffer's memory back while it is empty.</summary>
    public void ReleaseEmpty()
    {
        if (_start == _end)
        {
            ReturnArray();
        }
    }

    private void MakeRoom(int bytesNeeded)
    {
        var pending = _end - _start;
        if (pending == 0)
        {
            Shrink();
            _start = _end = 0;
            if (_array.Length < _capacity || _array.Length > 2 * maxReadSize)
            {
                ReturnArray();
                _array = pool.Rent(_capacity);
            }

            return;
        }

        // What is missing is unknown to a framing that looks for a delimiter: as much again as there is. Never more than double what has
        // arrived: a length that is only declared buys no memory.
        var needed = (long)pending + (bytesNeeded > 0 ? bytesNeeded : pending);
        var capacity = (int)Math.Min(Math.Min(Math.Max(needed, _capacity), Math.Max(_capacity, 2L * pending)), System.Array.MaxLength);
        if (capacity > _capacity)
        {
            _capacity = Math.Min(capacity, 2 * maxReadSize);
        }

        if (_array.Length - _start < capacity)
        {
            Move(capacity);
        }
    }

    private void Reserve(int count)
    {
        if (_array.Length - _end < count)
        {
            Move(checked(_end - _start + count));
        }
    }

    // What is pending goes to the buffer's beginning, or to a larger buffer's.
    private void Move(int capacity)
    {
        var pending = _end - _start;
        var target = _array.Length >= capacity ? _array : pool.Rent(capacity);
        _array.AsSpan(_start, pending).CopyTo(target);
        if (!ReferenceEquals(target, _array))
        {
            ReturnArray();
            _array = target;
        }

        Volatile.Write(ref _start, 0);
        Volatile.Write(ref _end, pending);
    }

    // A channel that was busy and is not gives its memory back without being told to.
    private void Shrink()
    {
        if (_capacity == MinCapacity || _end >= _capacity / 4)
        {
            _hardlyUsed = 0;
        }
        else if (++_hardlyUsed == ShrinkAfter)
        {
            _hardlyUsed = 0;
            _capacity = Math.Max(MinCapacity, _capacity / 2);
            ReturnArray();
        }
    }

    private void ReturnArray()
    {
        var array = _array;
        _array = [];
        _start = _end = 0;
        if (array.Length > 0)
        {
            pool.Return(array);
        }
    }

    private void ReturnAside()
    {
        var array = _aside;
        _aside = [];
        _asideStart = _asideEnd = 0;
        if (array.Length > 0)
        {
            pool.Return(array);
        }
    }
}
