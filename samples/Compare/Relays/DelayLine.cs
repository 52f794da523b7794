using System.Buffers;
using System.Collections.Concurrent;
using System.Diagnostics;

namespace Compare.Relays;

/// <summary>Hands bytes on a fixed time after they came, in their order: the way between two machines, in one.</summary>
/// <remarks>A thread of its own, since a pool's timers count whole milliseconds and its threads may be busy.</remarks>
internal sealed class DelayLine : IDisposable
{
    // Sleeping is exact to about this; the rest of a wait is spun, so that what is added is the delay and nothing else.
    private static readonly TimeSpan SleepsAhead = TimeSpan.FromMilliseconds(0.3);

    private readonly TimeSpan _delay;
    private readonly BlockingCollection<Piece> _pieces = [];
    private readonly Thread _thread;

    /// <summary>Starts the line.</summary>
    /// <param name="delay">How long each piece is under way.</param>
    public DelayLine(TimeSpan delay)
    {
        _delay = delay;
        _thread = new Thread(Run) { IsBackground = true, Name = "delay line" };
        _thread.Start();
    }

    /// <summary>Takes a copy of the bytes and sends it later.</summary>
    /// <param name="bytes">The bytes.</param>
    /// <param name="send">Called on the line's thread; must not block for long, and what it throws is its caller's to have caught.</param>
    public void Post(ReadOnlySpan<byte> bytes, Action<ReadOnlyMemory<byte>> send)
    {
        var copy = ArrayPool<byte>.Shared.Rent(Math.Max(bytes.Length, 1));
        bytes.CopyTo(copy);
        _pieces.Add(new Piece(Stopwatch.GetTimestamp(), copy, bytes.Length, send));
    }

    public void Dispose()
    {
        _pieces.CompleteAdding();
        _thread.Join();
        _pieces.Dispose();
    }

    private void Run()
    {
        foreach (var piece in _pieces.GetConsumingEnumerable())
        {
            // When the line is being disposed nobody waits for what is still under way.
            if (!_pieces.IsAddingCompleted)
            {
                Wait(piece.CameAt);
                piece.Send(piece.Bytes.AsMemory(0, piece.Count));
            }

            ArrayPool<byte>.Shared.Return(piece.Bytes);
        }
    }

    private void Wait(long since)
    {
        while (_delay - Stopwatch.GetElapsedTime(since) is var left && left > TimeSpan.Zero)
        {
            if (left > SleepsAhead + TimeSpan.FromMilliseconds(1))
            {
                Thread.Sleep(left - SleepsAhead);
            }
            else
            {
                Thread.SpinWait(20);
            }
        }
    }

    private readonly record struct Piece(long CameAt, byte[] Bytes, int Count, Action<ReadOnlyMemory<byte>> Send);
}
