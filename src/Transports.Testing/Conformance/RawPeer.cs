namespace Transports.Testing;

/// <summary>A peer that speaks a transport's bytes without keeping its rules: it stops inside a message.</summary>
/// <remarks>Written by the transport's author for the tests about peers that are killed; see <see cref="TransportConformanceTests.ConnectRawPeerAsync"/>.</remarks>
public abstract class RawPeer : IAsyncDisposable
{
    /// <summary>A peer over a stream connected to the listener.</summary>
    /// <param name="stream">The stream; the peer owns it.</param>
    /// <param name="message">One whole message on the wire, such as a length and a payload. At least two bytes.</param>
    /// <param name="reset">Ends the connection without a word, such as with a TCP reset; <see langword="null"/> where the wire cannot.</param>
    /// <param name="finish">Ends the connection in order where disposing the stream does not, such as with a TLS close_notify.</param>
    public static RawPeer Create(Stream stream, ReadOnlyMemory<byte> message, Action? reset = null, Func<Task>? finish = null)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentOutOfRangeException.ThrowIfLessThan(message.Length, 2, nameof(message));
        return new StreamRawPeer(stream, message, reset, finish);
    }

    /// <summary>Whether <see cref="Reset"/> does something that the other side can tell from an orderly end.</summary>
    public abstract bool CanReset { get; }

    /// <summary>Sends one whole message.</summary>
    public abstract ValueTask SendMessageAsync();

    /// <summary>Sends the beginning of a message, and not the rest.</summary>
    public abstract ValueTask SendHalfMessageAsync();

    /// <summary>Ends the connection without a word.</summary>
    public abstract void Reset();

    /// <summary>Ends the connection in order, as an operating system does for a process that is gone.</summary>
    public abstract ValueTask DisposeAsync();

    private sealed class StreamRawPeer(Stream stream, ReadOnlyMemory<byte> message, Action? reset, Func<Task>? finish) : RawPeer
    {
        private bool _ended;

        public override bool CanReset => reset is not null;

        public override ValueTask SendMessageAsync() => SendAsync(message);

        public override ValueTask SendHalfMessageAsync() => SendAsync(message[..^1]);

        public override void Reset()
        {
            _ended = true;
            reset?.Invoke();
        }

        public override async ValueTask DisposeAsync()
        {
            GC.SuppressFinalize(this);
            if (finish is not null && !_ended)
            {
                _ended = true;
                await finish();
            }

            await stream.DisposeAsync();
        }

        private async ValueTask SendAsync(ReadOnlyMemory<byte> bytes)
        {
            await stream.WriteAsync(bytes, TestContext.Current.CancellationToken);
            await stream.FlushAsync(TestContext.Current.CancellationToken);
        }
    }
}
