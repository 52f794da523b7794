using System.Buffers;

namespace Transports;

/// <summary>A message kept past its loan, in pooled memory of its own.</summary>
/// <remarks>Owned by whoever called <see cref="Message.Retain"/>. Dispose gives the memory back, once; it may be called again.</remarks>
public sealed class RetainedMessage : IDisposable
{
    private readonly ArrayPool<byte> _pool;
    private readonly MessageLoan _loan;
    private readonly Message _message;
    private byte[]? _buffer;

    private RetainedMessage(byte[] buffer, int length, MessageKind kind, ArrayPool<byte> pool)
    {
        _pool = pool;
        _loan = new MessageLoan(pool);
        _buffer = buffer;
        _message = _loan.Lend(buffer, 0, length, kind);
    }

    /// <summary>The message. Its payload can be read until <see cref="Dispose"/>.</summary>
    /// <exception cref="ObjectDisposedException">This message was disposed.</exception>
    public Message Message
    {
        get
        {
            ObjectDisposedException.ThrowIf(Volatile.Read(ref _buffer) is null, this);
            return _message;
        }
    }

    /// <summary>Gives the memory back to the pool. Messages taken from <see cref="Message"/> throw from then on.</summary>
    public void Dispose()
    {
        var buffer = Interlocked.Exchange(ref _buffer, null);
        if (buffer is not null)
        {
            _loan.End();
            _pool.Return(buffer);
        }
    }

    internal static RetainedMessage CopyOf(in Message message, ArrayPool<byte> pool)
    {
        var length = checked((int)message.Length);
        var buffer = pool.Rent(length);
        try
        {
            message.CopyTo(buffer);

            // The loan may have ended while its bytes were copied, by a dispose on another thread: what was copied may be no message then.
            message.ThrowIfLoanOver();
        }
        catch
        {
            pool.Return(buffer);
            throw;
        }

        return new RetainedMessage(buffer, length, message.Kind, pool);
    }
}
