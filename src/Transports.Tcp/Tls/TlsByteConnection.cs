using System.Net.Security;
using System.Net.Sockets;
using System.Runtime.CompilerServices;

namespace Transports.Tcp;

/// <summary>Bytes over TLS over a socket.</summary>
/// <remarks>
/// <para>The peer's end is its close_notify. A connection that ends without one may have been cut by anybody (RFC 8446, section
/// 6.1), so that is a lost connection, unless the options allow for peers that never send one.</para>
/// <para><see cref="SslStream"/> lets reads and writes run side by side, but not <see cref="SslStream.ShutdownAsync"/> and a read:
/// on OpenSSL it calls SSL_shutdown twice, outside the lock under which it decrypts, and the second call reads. It takes
/// a record that a concurrent read has put in and not taken out yet, and fails with "application data after close
/// notify"; that record and the connection are lost. So the two take turns: <see cref="TlsSocketStream.Turn"/>.</para>
/// </remarks>
internal sealed class TlsByteConnection : ByteConnection
{
    private readonly SslStream _stream;
    private readonly TlsSocketStream _transport;
    private readonly bool _allowUnexpectedEof;
    private readonly bool _isClient;
    private bool _heard;
    private bool _told;

    /// <summary>A connection after the handshake, whose turn ends here.</summary>
    public TlsByteConnection(SslStream stream, TlsSocketStream transport, bool allowUnexpectedEof, bool isClient)
    {
        _stream = stream;
        _transport = transport;
        _allowUnexpectedEof = allowUnexpectedEof;
        _isClient = isClient;
        transport.Turn.Release();
    }

    public override bool SupportsZeroByteReads => true;

    public override bool SupportsHalfClose => true;

    public override bool IsBroken => SocketState.IsBroken(_transport.Socket);

    // TLS reports the close_notify without reading on, so an end seen below it means that none came.
    private bool IsCut => _transport.Ended && !_allowUnexpectedEof;

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer)
    {
        int count;
        await _transport.Turn.WaitAsync(CancellationToken.None).ConfigureAwait(false);
        try
        {
            count = await _stream.ReadAsync(buffer, CancellationToken.None).ConfigureAwait(false);
        }
        finally
        {
            _transport.Turn.Release();
        }

        if (count > 0)
        {
            _heard = true;
        }

        return count == 0 && !buffer.IsEmpty && IsCut ? throw Cut() : count;
    }

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer) => _stream.WriteAsync(buffer, CancellationToken.None);

    public override async ValueTask CompleteWritesAsync(ChannelCloseInfo? close)
    {
        if (Interlocked.Exchange(ref _told, true))
        {
            // Half-closed before: nothing is left to be told.
            return;
        }

        await (await TellEndAsync().ConfigureAwait(false)).ConfigureAwait(false);
        _transport.Socket.Shutdown(SocketShutdown.Send);
    }

    public override void Abort(ChannelCloseInfo info) => SocketAbort.Reset(_transport.Socket);

    public override ValueTask DisposeAsync() => _stream.DisposeAsync();

    // TLS is done when the call returns, and only the socket's write goes on. Reads must go on beside that: a peer that
    // has to be read from before it reads would otherwise hold it up for ever.
    private async ValueTask<Task> TellEndAsync()
    {
        await _transport.Turn.WaitAsync(CancellationToken.None).ConfigureAwait(false);
        try
        {
            return _stream.ShutdownAsync();
        }
        finally
        {
            _transport.Turn.Release();
        }
    }

    public override ChannelCloseInfo DescribeFailure(Exception exception)
    {
        var info = base.DescribeFailure(exception);
        return !_isClient || !TlsErrors.IsAlert(exception)
            ? info
            : info with
            {
                // With TLS 1.3 a client has finished its handshake before the server looks at its certificate (RFC 8446, section 4.4.2.4).
                Description = $"The server refused the TLS connection: {TlsErrors.Reason(exception)} If it asks for a client certificate, set TlsClientOptions.ClientCertificates to one that it trusts.",
            };
    }

    // A client has done its handshake before the server looks at its certificate (TLS 1.3), or at least before .NET's does, which
    // on OpenSSL has no means to send the alert that would say so.
    private IOException Cut() => new(
        _isClient && !_heard
            ? "The server ended the TLS connection before it sent anything, and without a close_notify. It may have refused this side: if it asks for a client certificate, set TlsClientOptions.ClientCertificates to one that it trusts."
            : "The TLS connection ended without a close_notify, so what the peer sent last may have been cut off. If that peer never sends one, set AllowUnexpectedEof in the TLS options.");
}
