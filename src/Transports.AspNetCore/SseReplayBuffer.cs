using System.Buffers;
using System.Buffers.Text;

namespace Transports;

/// <summary>The events sent last, for a client that comes back and names the one it has; bounded in bytes.</summary>
/// <remarks>Keeps whole writes, each of whole events that begin with their id. Not for two threads at once.</remarks>
internal sealed class SseReplayBuffer(ArrayPool<byte> pool, int idPrefixLength, int limit)
{
    private readonly Queue<Entry> _entries = new();
    private int _size;
    private long _next = 1;

    /// <summary>The number of the oldest event kept, or of the next one to come.</summary>
    public long First => _entries.TryPeek(out var oldest) ? oldest.First : _next;

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
        _next = NumberOf(events) + count;
        _size += events.Length;
        while (_size > limit && _entries.Count > 1)
        {
            DropOldest();
        }
    }

    /// <summary>Whether everything after an event is still here.</summary>
    public bool Reaches(long lastSeen) => lastSeen >= First - 1 && lastSeen < _next;

    /// <summary>All that was sent after an event, in order.</summary>
    public IEnumerable<ReadOnlyMemory<byte>> After(long lastSeen)
    {
        foreach (var entry in _entries)
        {
            if (entry.First + entry.Count - 1 <= lastSeen)
            {
                continue;
            }

            var events = entry.Array.AsMemory(0, entry.Length);
            for (var number = entry.First; number <= lastSeen; number++)
            {
                events = events[(events.Span.IndexOf("\n\n"u8) + 2)..];
            }

            yield return events;
        }
    }

    public void Clear()
    {
        while (_entries.Count > 0)
        {
            DropOldest();
        }
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
