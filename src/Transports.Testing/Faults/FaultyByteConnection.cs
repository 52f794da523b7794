namespace Transports.Testing;

/// <summary>Bytes that come in awkward pieces and end in awkward places: one at a time, split at random, cut inside a frame.</summary>
public sealed class FaultyByteConnection : ByteConnection
{
    private readonly ByteConnection _inner;
    private readonly ConnectionFaultOptions _options;

    // One each: reads and writes go on side by side, and neither's sizes shall depend on the other.
    private readonly Random _reads;
    private readonly Random _writes;
    private long _read;
    private long _written;

    /// <summary>A connection around another.</summary>
    /// <param name="inner">The connection; the new one owns it.</param>
    /// <param name="options">What goes wrong.</param>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    public FaultyByteConnection(ByteConnection inner, ConnectionFaultOptions options)
    {
        ArgumentNullException.ThrowIfNull(inner);
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        _inner = inner;
        _options = options;
        _reads = new Random(options.Seed);
        _writes = new Random(options.Seed + 1);
    }

    /// <inheritdoc/>
    public override bool SupportsZeroByteReads => _inner.SupportsZeroByteReads;

    /// <inheritdoc/>
    public override bool SupportsHalfClose => _inner.SupportsHalfClose;

    /// <inheritdoc/>
    public override bool SupportsReadInterruption => _inner.SupportsReadInterruption;

    /// <inheritdoc/>
    public override bool IsBroken => _inner.IsBroken;

    /// <inheritdoc/>
    public override void Attach(IByteConnectionHost host) => _inner.Attach(host);

    /// <inheritdoc/>
    public override TFeature? GetFeature<TFeature>()
        where TFeature : class
        => base.GetFeature<TFeature>() ?? _inner.GetFeature<TFeature>();

    /// <inheritdoc/>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer)
    {
        var most = Math.Min(buffer.Length, _options.MaxReadSize);
        if (_options.EndAfterBytesRead is { } end)
        {
            if (_read >= end)
            {
                return 0;
            }

            most = (int)Math.Min(most, end - _read);
        }

        // An empty buffer asks to wait for bytes, and stays empty.
        var size = most > 1 && _options.MaxReadSize != int.MaxValue ? _reads.Next(1, most + 1) : most;
        var count = await _inner.ReadAsync(buffer[..size]).ConfigureAwait(false);
        _read += Math.Max(count, 0);
        return count;
    }

    /// <inheritdoc/>
    public override void InterruptRead() => _inner.InterruptRead();

    /// <inheritdoc/>
    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer)
    {
        while (!buffer.IsEmpty)
        {
            var size = _options.MaxWriteSize == int.MaxValue ? buffer.Length : _writes.Next(1, Math.Min(_options.MaxWriteSize, buffer.Length) + 1);
            var cut = _options.CutAfterBytesWritten is { } limit && _written + size > limit;
            if (cut)
            {
                size = (int)(_options.CutAfterBytesWritten!.Value - _written);
            }

            if (size > 0)
            {
                await _inner.WriteAsync(buffer[..size]).ConfigureAwait(false);
                _written += size;
                buffer = buffer[size..];
            }

            if (cut)
            {
                _inner.Abort(new ChannelCloseInfo(ChannelCloseStatus.Aborted, IsRemote: false));
                throw new IOException("The connection was cut by ConnectionFaultOptions.CutAfterBytesWritten.");
            }
        }
    }

    /// <inheritdoc/>
    public override ValueTask CompleteWritesAsync(ChannelCloseInfo? close) => _inner.CompleteWritesAsync(close);

    /// <inheritdoc/>
    public override void Abort(ChannelCloseInfo info) => _inner.Abort(info);

    /// <inheritdoc/>
    public override ChannelCloseInfo? DescribeEnd() => _inner.DescribeEnd();

    /// <inheritdoc/>
    public override ChannelCloseInfo DescribeFailure(Exception exception) => _inner.DescribeFailure(exception);

    /// <inheritdoc/>
    public override ValueTask DisposeAsync() => _inner.DisposeAsync();
}
