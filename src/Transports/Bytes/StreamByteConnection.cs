namespace Transports;

/// <summary>Bytes over any duplex stream. The stream's end is its disposal: a stream has no half-close.</summary>
internal sealed class StreamByteConnection(Stream stream) : ByteConnection
{
    private int _ended;

    public override ValueTask<int> ReadAsync(Memory<byte> buffer) => stream.ReadAsync(buffer, CancellationToken.None);

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer)
    {
        var writing = stream.WriteAsync(buffer, CancellationToken.None);
        if (!writing.IsCompletedSuccessfully)
        {
            return WriteAndFlushAsync(writing);
        }

        writing.GetAwaiter().GetResult();
        return new ValueTask(stream.FlushAsync(CancellationToken.None));
    }

    public override ValueTask CompleteWritesAsync() => DisposeAsync();

    public override void Abort()
    {
        if (Interlocked.Exchange(ref _ended, 1) != 0)
        {
            return;
        }

        try
        {
            stream.Dispose();
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException or InvalidOperationException or NotSupportedException)
        {
            // The stream is being given up; what it has to say about that helps nobody.
        }
    }

    public override ValueTask DisposeAsync()
        => Interlocked.Exchange(ref _ended, 1) == 0 ? stream.DisposeAsync() : ValueTask.CompletedTask;

    private async ValueTask WriteAndFlushAsync(ValueTask writing)
    {
        await writing.ConfigureAwait(false);
        await stream.FlushAsync(CancellationToken.None).ConfigureAwait(false);
    }
}
