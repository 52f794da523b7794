using System.Net.Sockets;
using System.Runtime.CompilerServices;

namespace Transports.Tcp;

/// <summary>
/// The socket under TLS, which notes what TLS does not tell: that bytes came at all, that the connection ended, and whether
/// a read is decrypting or only waits for the socket.
/// </summary>
internal sealed class TlsSocketStream(Socket socket, Action? heard = null) : NetworkStream(socket, ownsSocket: true)
{
    private Action? _heard = heard;

    /// <summary>The connection has ended below TLS.</summary>
    public bool Ended { get; private set; }

    /// <summary>
    /// Held by who reads through TLS, except while that read waits for the socket, and by who ends TLS: so nothing is
    /// decrypted meanwhile. Taken at first, by the handshake; whoever has seen that through releases it.
    /// </summary>
    public SemaphoreSlim Turn { get; } = new(initialCount: 0, maxCount: 1);

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var reading = base.ReadAsync(buffer, cancellationToken);
        return reading.IsCompletedSuccessfully ? new ValueTask<int>(Note(reading.Result, buffer.IsEmpty)) : WaitAndNoteAsync(reading, buffer.IsEmpty);
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<int> WaitAndNoteAsync(ValueTask<int> reading, bool empty)
    {
        Turn.Release();
        try
        {
            return Note(await reading.ConfigureAwait(false), empty);
        }
        finally
        {
            // The caller decrypts next, or fails; in both cases it believes to have the turn.
            await Turn.WaitAsync(CancellationToken.None).ConfigureAwait(false);
        }
    }

    private int Note(int count, bool empty)
    {
        if (empty)
        {
            return count;
        }

        if (count == 0)
        {
            Ended = true;
        }
        else if (_heard is { } heard)
        {
            _heard = null;
            heard();
        }

        return count;
    }
}
