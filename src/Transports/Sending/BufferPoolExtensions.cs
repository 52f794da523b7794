using System.Buffers;

namespace Transports.Engine;

internal static class BufferPoolExtensions
{
    /// <summary>Leaves an array to the collector instead of giving it back: a message that is still lent lies in it.</summary>
    public static void Abandon(this ArrayPool<byte> pool, byte[] array)
    {
        if (pool is IBufferPoolObserver observer)
        {
            observer.Abandon(array);
        }
    }
}
