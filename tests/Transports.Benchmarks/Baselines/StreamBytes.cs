using System.Runtime.CompilerServices;

namespace Transports.Benchmarks;

/// <summary>A bare stream, such as an SslStream.</summary>
/// <param name="stream">A connected stream.</param>
internal readonly struct StreamBytes(Stream stream) : IRawBytes
{
    public ValueTask<int> SendAsync(ReadOnlyMemory<byte> bytes)
    {
        var writing = stream.WriteAsync(bytes);
        if (!writing.IsCompletedSuccessfully)
        {
            return FinishAsync(writing, bytes.Length);
        }

        // A QuicStream takes a write for unfinished until its result was asked for, and drops the next one.
        writing.GetAwaiter().GetResult();
        return new ValueTask<int>(bytes.Length);
    }

    public ValueTask<int> ReceiveAsync(Memory<byte> buffer) => stream.ReadAsync(buffer);

    public void Dispose() => stream.Dispose();

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private static async ValueTask<int> FinishAsync(ValueTask writing, int count)
    {
        await writing;
        return count;
    }
}
