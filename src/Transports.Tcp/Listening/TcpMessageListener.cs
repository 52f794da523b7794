using System.Diagnostics;
using System.Net.Sockets;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;

namespace Transports.Tcp;

/// <summary>Accepts sockets in the background, opens channels over them side by side, and hands out those that are ready.</summary>
/// <remarks>
/// A place is taken for every accepted socket until <see cref="AcceptAsync"/> hands its channel out or it fails, so what
/// peers make this side hold is bounded; when no place is free, the operating system's backlog holds them.
/// </remarks>
[DebuggerDisplay("{LocalAddress}, stopping: {_stopping.IsCancellationRequested}")]
internal sealed class TcpMessageListener : IMessageListener
{
    private readonly IReadOnlyList<Socket> _sockets;
    private readonly SocketOpener _opener;
    private readonly UnixSocketFile? _file;
    private readonly ILogger _logger;
    private readonly PendingConnections _pending;
    private readonly Channel<Arrival> _ready = Channel.CreateUnbounded<Arrival>();
    private readonly CancellationTokenSource _stopping = new();
    private readonly Task _loops;
    private Task? _stopped;

    public TcpMessageListener(
        IReadOnlyList<Socket> sockets,
        Uri localAddress,
        SocketOpener opener,
        int maxPending,
        TimeProvider timeProvider,
        UnixSocketFile? file,
        ILogger logger,
        Func<Socket, CancellationToken, ValueTask<Socket>>? accept = null)
    {
        _sockets = sockets;
        LocalAddress = localAddress;
        _opener = opener;
        _pending = new PendingConnections(maxPending, timeProvider);
        _file = file;
        _logger = logger;
        var acceptSocket = accept ?? (static (socket, cancellationToken) => socket.AcceptAsync(cancellationToken));
        Log.Listening(logger, localAddress);
        _loops = Task.WhenAll(sockets.Select(socket => Task.Run(() => AcceptLoopAsync(socket, acceptSocket))));
    }

    public Uri LocalAddress { get; }

    public async ValueTask<IMessageChannel?> AcceptAsync(CancellationToken cancellationToken = default)
    {
        while (await _ready.Reader.WaitToReadAsync(cancellationToken).ConfigureAwait(false))
        {
            if (!_ready.Reader.TryRead(out var arrival))
            {
                continue;
            }

            arrival.Take();
            if (arrival.Channel is { } channel)
            {
                _pending.Release();
                return channel;
            }

            throw new TransportException(
                $"Accepting a connection at {AddressText.Of(LocalAddress)} failed: {arrival.Failure!.Message}. The listener goes on; if this repeats, raise the limit of open files (ulimit -n) or lower the number of channels.",
                arrival.Failure);
        }

        return null;
    }

    public ValueTask StopAcceptingAsync(CancellationToken cancellationToken = default)
    {
        Task stopped;
        lock (_stopping)
        {
            stopped = _stopped ??= StopAsync();
        }

        return new ValueTask(stopped.WaitAsync(cancellationToken));
    }

    public ValueTask DisposeAsync() => StopAcceptingAsync(CancellationToken.None);

    private async Task StopAsync()
    {
        // Nothing of the loops or handshakes may run on the caller's thread while it holds the lock.
        await Task.Yield();
        await _stopping.CancelAsync().ConfigureAwait(false);
        _file?.Remove();
        foreach (var socket in _sockets)
        {
            socket.Dispose();
        }

        _pending.AbortAll();
        await _loops.ConfigureAwait(false);
        await _pending.WhenDoneAsync().ConfigureAwait(false);
        _ready.Writer.TryComplete();
        while (_ready.Reader.TryRead(out var arrival))
        {
            arrival.Take();
            if (arrival.Channel is { } channel)
            {
                channel.Abort();
            }
        }

        Log.StoppedListening(_logger, LocalAddress);
    }

    private async Task AcceptLoopAsync(Socket listening, Func<Socket, CancellationToken, ValueTask<Socket>> accept)
    {
        var stopping = _stopping.Token;
        while (!stopping.IsCancellationRequested)
        {
            Socket socket;
            try
            {
                socket = await accept(listening, stopping).ConfigureAwait(false);
            }
            catch (Exception) when (stopping.IsCancellationRequested)
            {
                return;
            }
            catch (SocketException e) when (e.SocketErrorCode is SocketError.ConnectionReset or SocketError.ConnectionAborted)
            {
                // The peer's doing, and the peer is gone: nothing to tell the server.
                Log.GoneBeforeAccepted(_logger, LocalAddress, e.Message);
                continue;
            }
            catch (Exception e)
            {
                await ReportAsync(e).ConfigureAwait(false);
                continue;
            }

            if (!await _pending.EnterAsync(stopping).ConfigureAwait(false))
            {
                socket.Dispose();
                return;
            }

            _pending.Run(socket, OpenAsync);
        }
    }

    // Owns a place of the pending connections, and passes it on with the channel.
    private async Task OpenAsync(PendingConnection connection)
    {
        FramedMessageChannel? channel = null;
        try
        {
            channel = await _opener.OpenAsync(connection, LocalAddress, _stopping.Token).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            connection.Abort();
            Log.HandshakeBroke(_logger, e, LocalAddress);
        }
        finally
        {
            // Whatever it was, even a logger that throws, the place must come free and the listener go on.
            if (channel is null)
            {
                _pending.Release();
            }
        }

        if (channel is null)
        {
            return;
        }

        if (!_ready.Writer.TryWrite(new Arrival { Channel = channel }))
        {
            channel.Abort();
            _pending.Release();
        }
    }

    private async Task ReportAsync(Exception failure)
    {
        var arrival = new Arrival { Failure = failure };
        if (_ready.Writer.TryWrite(arrival))
        {
            await arrival.Taken.WaitAsync(_stopping.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
