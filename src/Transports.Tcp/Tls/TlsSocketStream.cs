using System.Net.Sockets;
using System.Runtime.CompilerServices;

namespace Transports;

/// <summary>The socket under TLS, which notes what TLS does not tell: that bytes came at all, and that the connection ended.</summary>
internal sealed class TlsSocketStream(Socket socket, Action? heard = null) : NetworkStream(socket, ownsSocket: true)
{
    private Action? _heard = heard;

    /// <summary>The connection has ended below TLS.</summary>
    public bool Ended { get; private set; }

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var reading = base.ReadAsync(buffer, cancellationToken);
        if (buffer.IsEmpty)
        {
            return reading;
        }

        return reading.IsCompletedSuccessfully ? new ValueTask<int>(Note(reading.Result)) : NoteAsync(reading);
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<int> NoteAsync(ValueTask<int> reading) => Note(await reading.ConfigureAwait(false));

    private int Note(int count)
    {
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
