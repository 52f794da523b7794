using System.Buffers.Binary;

namespace Transports.Model.Tests;

/// <summary>One end of a <see cref="ScriptedLink"/>.</summary>
internal sealed class ScriptedConnection(ScriptedLink link, bool zeroByteReads) : ByteConnection
{
    // All under the link's gate.
    private readonly List<byte> _sent = [];
    private readonly List<byte> _arrived = [];
    private readonly List<byte> _everArrived = [];
    private readonly List<(int Bytes, long Moment)> _arrivals = [];
    private (Memory<byte> Buffer, TaskCompletionSource<int> Done)? _read;
    private (ReadOnlyMemory<byte> Left, TaskCompletionSource Done)? _write;
    private bool _finSent;
    private bool _finArrived;
    private bool _resetSent;
    private bool _resetArrived;
    private bool _errorWaits;
    private bool _gone;

    public ScriptedConnection Peer { get; set; } = null!;

    public override bool SupportsHalfClose => true;

    public override bool SupportsZeroByteReads => zeroByteReads;

    /// <summary>How many frames of a four-byte length had arrived whole before a moment.</summary>
    public int CountFramesBefore(long moment)
    {
        lock (link.Gate)
        {
            var bytes = _arrivals.LastOrDefault(arrival => arrival.Moment < moment).Bytes;
            var count = 0;
            for (var at = 0; at + sizeof(uint) <= bytes;)
            {
                at += sizeof(uint) + BinaryPrimitives.ReadInt32BigEndian([.. _everArrived.GetRange(at, sizeof(uint))]);
                count += at <= bytes ? 1 : 0;
            }

            return count;
        }
    }

    public override ValueTask<int> ReadAsync(Memory<byte> buffer)
    {
        lock (link.Gate)
        {
            var done = new TaskCompletionSource<int>(TaskCreationOptions.RunContinuationsAsynchronously);
            _read = (buffer, done);
            if (_gone || (CanRead && link.Perhaps(2)))
            {
                CompleteRead();
            }

            return new ValueTask<int>(done.Task);
        }
    }

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer)
    {
        lock (link.Gate)
        {
            var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _write = (buffer, done);
            if (_gone || _resetArrived)
            {
                FailWrite();
            }
            else if (_sent.Count + buffer.Length <= link.Capacity && link.Perhaps(3))
            {
                TakeWrite(buffer.Length);
            }

            return new ValueTask(done.Task);
        }
    }

    public override ValueTask CompleteWritesAsync(ChannelCloseInfo? close)
    {
        lock (link.Gate)
        {
            _finSent = true;
            return default;
        }
    }

    public override void Abort(ChannelCloseInfo info)
    {
        lock (link.Gate)
        {
            if (!_gone)
            {
                _gone = true;
                _sent.Clear();
                _finSent = false;
                _resetSent = true;
                FailWrite();
                CompleteRead();
            }
        }
    }

    public override ValueTask DisposeAsync()
    {
        lock (link.Gate)
        {
            if (!_gone)
            {
                _gone = true;
                if (_arrived.Count > 0)
                {
                    // Closing over unread bytes is a reset at once.
                    _sent.Clear();
                    _resetSent = true;
                }
                else
                {
                    _finSent = true;
                }
            }

            return default;
        }
    }

    /// <summary>Adds what can happen now. Under the gate.</summary>
    public void AddEvents(List<Action> events)
    {
        if (_write is { Left: var rest } && _sent.Count < link.Capacity)
        {
            events.Add(() => Locked(() => TakeWrite(link.Some(Math.Min(rest.Length, link.Capacity - _sent.Count)))));
        }

        if (_read is not null && CanRead)
        {
            events.Add(() => Locked(CompleteRead));
        }

        if (_sent.Count > 0)
        {
            if (Peer._gone || Peer._arrived.Count < link.Capacity)
            {
                events.Add(() => Locked(Deliver));
            }
        }
        else if (_resetSent && !Peer._resetArrived)
        {
            events.Add(() => Locked(DeliverReset));
        }
        else if (_finSent && !Peer._finArrived)
        {
            events.Add(() => Locked(() => Peer._finArrived = true));
        }
    }

    private bool CanRead => _arrived.Count > 0 || _finArrived || _resetArrived;

    private void Locked(Action action)
    {
        lock (link.Gate)
        {
            action();
        }
    }

    private void TakeWrite(int count)
    {
        var (rest, done) = _write!.Value;
        _sent.AddRange(rest.Span[..count]);
        if (count == rest.Length)
        {
            _write = null;
            done.SetResult();
            return;
        }

        _write = (rest[count..], done);
    }

    private void FailWrite()
    {
        if (_write is { Done: var done })
        {
            _write = null;
            _errorWaits = false;
            done.SetException(new IOException("The connection was reset (write)."));
        }
    }

    private void CompleteRead()
    {
        if (_read is not { } read)
        {
            return;
        }

        _read = null;
        if (_gone)
        {
            read.Done.SetException(new IOException("The connection was aborted here."));
        }
        else if (_arrived.Count > 0)
        {
            var count = read.Buffer.Length == 0 ? 0 : link.Some(Math.Min(read.Buffer.Length, _arrived.Count));
            for (var i = 0; i < count; i++)
            {
                read.Buffer.Span[i] = _arrived[i];
            }

            _arrived.RemoveRange(0, count);
            read.Done.SetResult(count);
        }
        else if (_errorWaits)
        {
            _errorWaits = false;
            read.Done.SetException(new IOException("The connection was reset (read)."));
        }
        else
        {
            read.Done.SetResult(0);
        }
    }

    private void Deliver()
    {
        var count = link.Some(_sent.Count);
        if (Peer._gone)
        {
            Peer._resetSent = true;
        }
        else
        {
            Peer._arrived.AddRange(_sent.GetRange(0, count));
            Peer._everArrived.AddRange(_sent.GetRange(0, count));
            Peer._arrivals.Add((Peer._everArrived.Count, link.Now()));
        }

        _sent.RemoveRange(0, count);
    }

    private void DeliverReset()
    {
        Peer._resetArrived = true;
        Peer._errorWaits = true;
        Peer._sent.Clear();
        Peer.FailWrite();
    }
}
