using System.Buffers;
using System.IO.Pipelines;
using Microsoft.AspNetCore.Http;

namespace Transports.AspNetCore;

/// <summary>What clients have posted to a session, in order, up to the end of their input.</summary>
/// <remarks>
/// A post is taken whole or not at all. One that was taken and answered so is the channel's: it is read before the end, however the
/// client leaves. A post is read when there is room for it, so at most one is held over the bound.
/// </remarks>
internal sealed class SsePostedInput
{
    private readonly Pipe _pipe;
    private readonly ArrayPool<byte> _pool;
    private readonly TimeProvider _time;
    private readonly SemaphoreSlim _turn = new(1, 1);
    private readonly CancellationTokenSource _over = new();
    private readonly Lock _gate = new();
    private Task _room = Task.CompletedTask;
    private long _last;
    private bool _isOver;
    private bool _isComplete;

    public SsePostedInput(MessageChannelOptions options)
    {
        _pool = options.BufferPool;
        _time = options.TimeProvider;
        _pipe = new Pipe(new PipeOptions(
            pauseWriterThreshold: options.ReceiveBufferSize,
            resumeWriterThreshold: options.ReceiveBufferSize / 2,
            useSynchronizationContext: false));
    }

    /// <summary>Takes a post, in the order of their numbers, each once.</summary>
    /// <param name="sequence">The post's number from 1, or 0 for a client that does not count.</param>
    /// <param name="wait">How long the client waits until there is room for more, or <see cref="Timeout.InfiniteTimeSpan"/>.</param>
    /// <param name="readAsync">Reads the events whole, and returns 204, or the status to refuse them with. Called when it is this post's turn.</param>
    /// <param name="taking">Called once when they are taken, before they can be read.</param>
    /// <param name="cancellationToken">The client has gone.</param>
    /// <returns>The HTTP status to answer with: 204 for taken, with room for more; 202 for taken, and no room within <paramref name="wait"/>.</returns>
    public async Task<int> TakeAsync(long sequence, TimeSpan wait, Func<PooledBufferWriter, Task<int>> readAsync, Action taking, CancellationToken cancellationToken)
    {
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _over.Token);
        if (!IsTaken(sequence))
        {
            await _turn.WaitAsync(linked.Token).ConfigureAwait(false);
            var body = new PooledBufferWriter(_pool);
            try
            {
                // Sent again while the first was being read, it waited here.
                if (!IsTaken(sequence))
                {
                    if (sequence != 0 && sequence != _last + 1)
                    {
                        return StatusCodes.Status409Conflict;
                    }

                    await _room.WaitAsync(linked.Token).ConfigureAwait(false);
                    var status = await readAsync(body).ConfigureAwait(false);
                    if (status != StatusCodes.Status204NoContent)
                    {
                        return status;
                    }

                    if (!TryWrite(sequence, body.WrittenSpan, taking))
                    {
                        return StatusCodes.Status404NotFound;
                    }
                }
            }
            finally
            {
                body.Clear();
                _turn.Release();
            }
        }

        try
        {
            // An end of the session lets go of this too: what was taken stays taken.
            await Volatile.Read(ref _room).WaitAsync(wait, _time, cancellationToken).ConfigureAwait(false);
            return StatusCodes.Status204NoContent;
        }
        catch (TimeoutException)
        {
            return StatusCodes.Status202Accepted;
        }
    }

    /// <summary>The client has closed: the input ends behind what was posted before.</summary>
    /// <param name="close">How, which is read where a posted close event would be; <see langword="null"/> when it has said so itself, or will not.</param>
    public async Task EndAsync(ChannelCloseInfo? close)
    {
        try
        {
            await _turn.WaitAsync(_over.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            return;
        }

        lock (_gate)
        {
            if (!_isOver && !_isComplete && close is not null)
            {
                SseEventWriter.WriteNamed(_pipe.Writer, SseWire.CloseEvent, SseWire.FormatClose(close.Status, close.Description));
            }

            Complete();
        }

        _turn.Release();
    }

    /// <summary>Nothing is taken any more: the input ends behind what was.</summary>
    public void Complete()
    {
        lock (_gate)
        {
            if (!_isOver && !_isComplete)
            {
                _isComplete = true;
                _pipe.Writer.Complete();
            }
        }
    }

    /// <summary>Reads what was posted; 0 at its end.</summary>
    public async ValueTask<int> ReadAsync(Memory<byte> buffer)
    {
        var result = await _pipe.Reader.ReadAsync(_over.Token).ConfigureAwait(false);
        var available = result.Buffer.Slice(0, Math.Min(result.Buffer.Length, buffer.Length));
        available.CopyTo(buffer.Span);

        // Before advancing, which takes the segments away that the length is computed from.
        var count = (int)available.Length;
        _pipe.Reader.AdvanceTo(available.End);
        return count;
    }

    /// <summary>Ends a pending read, and every wait for a turn.</summary>
    public void Abort() => _over.Cancel();

    /// <summary>Gives the memory back. No read is in progress.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _isOver = true;
            _pipe.Writer.Complete();
            _pipe.Reader.Complete();
        }
    }

    private bool IsTaken(long sequence) => sequence != 0 && sequence <= Volatile.Read(ref _last);

    // Under the turn.
    private bool TryWrite(long sequence, ReadOnlySpan<byte> events, Action taking)
    {
        lock (_gate)
        {
            if (_isOver || _isComplete)
            {
                return false;
            }

            taking();
            _pipe.Writer.Write(events);
            Volatile.Write(ref _room, _pipe.Writer.FlushAsync(CancellationToken.None).AsTask());
            Volatile.Write(ref _last, Math.Max(_last, sequence));
            return true;
        }
    }
}
