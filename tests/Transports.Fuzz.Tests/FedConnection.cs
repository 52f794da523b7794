namespace Transports.Fuzz.Tests;

/// <summary>A peer that sends given bytes in given pieces, finishes, and reads whatever it is sent.</summary>
internal sealed class FedConnection(byte[] bytes, Func<int, int> pieceAt) : ByteConnection
{
    private readonly CancellationTokenSource _aborted = new();
    private int _position;

    public override bool SupportsHalfClose => true;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer)
    {
        if (_position % 3 == 0)
        {
            await Task.Yield();
        }

        if (_aborted.IsCancellationRequested)
        {
            throw new IOException("aborted");
        }

        var count = Math.Min(Math.Min(buffer.Length, bytes.Length - _position), Math.Max(pieceAt(_position), 1));
        bytes.AsMemory(_position, count).CopyTo(buffer);
        _position += count;
        return count;
    }

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer) => _aborted.IsCancellationRequested ? throw new IOException("aborted") : default;

    public override ValueTask CompleteWritesAsync(ChannelCloseInfo? close) => default;

    public override void Abort(ChannelCloseInfo info) => _aborted.Cancel();

    public override ValueTask DisposeAsync() => default;
}
