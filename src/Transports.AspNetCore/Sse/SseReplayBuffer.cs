using System.Buffers;
using System.Buffers.Text;

namespace Transports.AspNetCore;

/// <summary>The events sent last, for a client that comes back and names the one it has; bounded in bytes.</summary>
/// <remarks>Keeps whole writes, each of whole events that begin with their id. Not for two threads at once.</remarks>
internal sealed class SseReplayBuffer(ArrayPool<byte> pool, int idPrefixLength, int limit)
{
    private readonly Queue<Entry> _entries = new();
    private int _size;
    private long _next = 1;
    private byte[]? _kept;
    private long _keptFirst;

    /// <summary>The number of the oldest event kept, or of the next one to come.</summary>
    public long First => _kept is not null ? _keptFirst : _entries.TryPeek(out var oldest) ? oldest.First : _next;

    /// <summary>Keeps a write. The newest stays whatever its size: it may not have been sent yet.</summary>
    public void Add(ReadOnlySpan<byte> events)
    {
        var count = events.Count("\n\n"u8);
        if (count == 0)
        {
            return;
        }

        var array = pool.Rent(events.Length);
        events.CopyTo(array);
        _entries.Enqueue(new Entry(array, events.Length, NumberOf(events), count));
        Volatile.Write(ref _next, NumberOf(events) + count);
        _size += events.Length;
        while (_size > limit && _entries.Count > 1)
        {
            DropOldest();
        }
    }

    /// <summary>Whether everything after an event is still here.</summary>
    public bool Reaches(long lastSeen) => lastSeen >= First - 1 && lastSeen < _next;

    /// <summary>Whether an event was ever sent. May be asked by any thread.</summary>
    public bool HasReached(long number) => number < Volatile.Read(ref _next);

    /// <summary>Whether an event is the last one.</summary>
    public bool HasSeenAll(long lastSeen) => lastSeen == _next - 1;

    /// <summary>All that was sent after an event, in order.</summary>
    public IEnumerable<ReadOnlyMemory<byte>> After(long lastSeen)
    {
        if (_kept is not null)
        {
            yield return After(_kept, _keptFirst, lastSeen);
        }

        foreach (var entry in _entries)
        {
            if (entry.First + entry.Count - 1 > lastSeen)
            {
                yield return After(entry.Array.AsMemory(0, entry.Length), entry.First, lastSeen);
            }
        }
    }

    /// <summary>Nothing will be added any more: what is here goes into memory of its own, and the pool's is given back.</summary>
    public void Keep()
    {
        var kept = new byte[_size];
        var length = 0;
        _keptFirst = First;
        foreach (var entry in _entries)
        {
            entry.Array.AsSpan(0, entry.Length).CopyTo(kept.AsSpan(length));
            length += entry.Length;
        }

        Clear();
        _kept = kept;
    }

    public void Clear()
    {
        _kept = null;
        while (_entries.Count > 0)
        {
            DropOldest();
        }
    }

    private static ReadOnlyMemory<byte> After(ReadOnlyMemory<byte> events, long first, long lastSeen)
    {
        for (var number = first; number <= lastSeen; number++)
        {
            events = events[(events.Span.IndexOf("\n\n"u8) + 2)..];
        }

        return events;
    }

    // Every write begins with "id: prefix" and the number.
    private long NumberOf(ReadOnlySpan<byte> events)
        => Utf8Parser.TryParse(events[("id: ".Length + idPrefixLength)..], out long number, out _) ? number : throw new InvalidOperationException("An event without an id.");

    private void DropOldest()
    {
        var oldest = _entries.Dequeue();
        _size -= oldest.Length;
        pool.Return(oldest.Array);
    }

    private readonly record struct Entry(byte[] Array, int Length, long First, int Count);
}
