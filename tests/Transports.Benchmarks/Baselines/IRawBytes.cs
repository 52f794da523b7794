namespace Transports.Benchmarks;

/// <summary>One end of a raw connection. Implemented by structs, so that the hand-written loops call the socket itself and pay for no indirection.</summary>
internal interface IRawBytes : IDisposable
{
    /// <summary>Writes all bytes.</summary>
    /// <param name="bytes">The bytes.</param>
    ValueTask<int> SendAsync(ReadOnlyMemory<byte> bytes);

    /// <summary>Reads some bytes.</summary>
    /// <param name="buffer">Where to.</param>
    ValueTask<int> ReceiveAsync(Memory<byte> buffer);
}
