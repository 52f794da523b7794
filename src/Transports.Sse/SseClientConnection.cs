using System.Net;
using System.Runtime.CompilerServices;

namespace Transports;

/// <summary>The bytes of a client: reads the event stream, opening it again when it breaks, and posts what is written.</summary>
internal sealed class SseClientConnection : ByteConnection
{
    private readonly SseRequests _requests;
    private readonly SseFraming _framing;
    private readonly SseTransportOptions _options;
    private readonly bool _isDuplex;
    private readonly CancellationTokenSource _aborted = new();
    private readonly ITimer? _idleTimer;
    private HttpResponseMessage? _response;
    private Stream _stream;
    private long _received;
    private long _posts;
    private long _waitingSince;
    private int _over;
    private bool _closing;

    public SseClientConnection(SseRequests requests, HttpResponseMessage response, Stream stream, SseFraming framing, SseTransportOptions options, bool isDuplex)
    {
        _requests = requests;
        _response = response;
        _stream = stream;
        _framing = framing;
        _options = options;
        _isDuplex = isDuplex;
        if (options.IdleTimeout != Timeout.InfiniteTimeSpan)
        {
            var period = options.IdleTimeout / 4;
            _idleTimer = options.TimeProvider.CreateTimer(static state => ((SseClientConnection)state!).CheckIdle(), this, period, period);
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer)
    {
        while (true)
        {
            var count = 0;
            Exception? error = null;
            Volatile.Write(ref _waitingSince, _options.TimeProvider.GetTimestamp());
            try
            {
                count = await _stream.ReadAsync(buffer, CancellationToken.None).ConfigureAwait(false);
            }
            catch (Exception e) when (e is not OutOfMemoryException && (_closing || !_aborted.IsCancellationRequested))
            {
                error = e;
            }

            // A channel that nobody receives from hears nothing, and that is not the server's silence.
            Volatile.Write(ref _waitingSince, 0);
            if (count > 0)
            {
                _received += count;
                return count;
            }

            if (Volatile.Read(ref _closing))
            {
                return 0;
            }

            _aborted.Token.ThrowIfCancellationRequested();
            if (!await ReconnectAsync(error).ConfigureAwait(false))
            {
                return 0;
            }
        }
    }

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer) => buffer.IsEmpty ? ValueTask.CompletedTask : PostAsync(buffer);

    public override ValueTask CompleteWritesAsync()
    {
        // The channel ends: a broken stream is not opened again, and one way there is nobody to wait for.
        Volatile.Write(ref _closing, true);
        if (!_isDuplex)
        {
            _response?.Dispose();
        }

        return ValueTask.CompletedTask;
    }

    public override async ValueTask CompleteWritesAsync(ChannelCloseStatus status, string? description)
    {
        if (!_isDuplex)
        {
            // Both ways it was said in an event, behind the messages.
            try
            {
                await _requests.DeleteAsync(status, description, _aborted.Token).ConfigureAwait(false);
            }
            catch (HttpRequestException)
            {
                // The server will miss this client by itself.
            }
        }

        await CompleteWritesAsync().ConfigureAwait(false);
    }

    public override void Abort()
    {
        if (Interlocked.Exchange(ref _over, 1) == 0)
        {
            _aborted.Cancel();
            _response?.Dispose();
        }
    }

    public override void Abort(ChannelCloseInfo info)
    {
        Abort();
        if (!info.IsRemote)
        {
            // The server would otherwise wait for this client to come back.
            _ = TellAbortAsync(info);
        }
    }

    public override async ValueTask DisposeAsync()
    {
        Interlocked.Exchange(ref _over, 1);
        if (_idleTimer is not null)
        {
            await _idleTimer.DisposeAsync().ConfigureAwait(false);
        }

        _response?.Dispose();
        _aborted.Dispose();
    }

    private static bool IsWorthTryingAgain(HttpStatusCode status)
        => (int)status >= 500 || status is HttpStatusCode.RequestTimeout or HttpStatusCode.TooManyRequests;

    // Returns false when the server says that the stream is over.
    private async Task<bool> ReconnectAsync(Exception? error)
    {
        _response?.Dispose();
        if (_options.ReconnectTimeout == TimeSpan.Zero)
        {
            throw new IOException("The event stream has broken off.", error);
        }

        // What the decoder holds of an unfinished event is never completed by another connection.
        _framing.Decoder!.Boundary = _received;
        var delay = _framing.Decoder.Retry is { } retry ? TimeSpan.FromMilliseconds(Math.Min(retry, int.MaxValue)) : _options.ReconnectDelay;
        using var timeout = new CancellationTokenSource(_options.ReconnectTimeout, _options.TimeProvider);
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, _aborted.Token);

        // The first try comes at once: most often a proxy or the server's own restart has cut the stream.
        for (var wait = false; ; wait = true)
        {
            try
            {
                if (wait)
                {
                    await Task.Delay(delay, _options.TimeProvider, linked.Token).ConfigureAwait(false);
                }

                var response = await _requests.OpenAsync(_framing.Decoder.LastEventId, linked.Token).ConfigureAwait(false);
                _response = response;
                if (response.StatusCode == HttpStatusCode.OK)
                {
                    _stream = await response.Content.ReadAsStreamAsync(linked.Token).ConfigureAwait(false);
                    return true;
                }

                response.Dispose();
                if (response.StatusCode == HttpStatusCode.NoContent)
                {
                    return false;
                }

                if (!IsWorthTryingAgain(response.StatusCode))
                {
                    throw new IOException($"The event stream broke off, and the server answers {(int)response.StatusCode} ({response.ReasonPhrase}) to opening it again; messages may be lost.", error);
                }
            }
            catch (HttpRequestException e)
            {
                error = e;
            }
            catch (OperationCanceledException e) when (!_aborted.IsCancellationRequested)
            {
                throw new IOException($"The event stream broke off, and could not be opened again within {_options.ReconnectTimeout.TotalSeconds:0.#} seconds (ReconnectTimeout).", error ?? e);
            }
        }
    }

    private async ValueTask PostAsync(ReadOnlyMemory<byte> events)
    {
        var sequence = ++_posts;
        Exception? error = null;
        var began = _options.TimeProvider.GetTimestamp();
        do
        {
            try
            {
                var status = await _requests.PostAsync(events, sequence, _framing.EndWritten, _aborted.Token).ConfigureAwait(false);
                if ((int)status is >= 200 and < 300)
                {
                    return;
                }

                error = new IOException($"The server answered {(int)status} ({status}) to messages sent to it.");
                if (!IsWorthTryingAgain(status))
                {
                    throw error;
                }
            }
            catch (HttpRequestException e)
            {
                error = e;
            }

            // Sent again under its number, which the server counts once.
            await Task.Delay(_options.ReconnectDelay, _options.TimeProvider, _aborted.Token).ConfigureAwait(false);
        }
        while (_options.TimeProvider.GetElapsedTime(began) < _options.ReconnectTimeout);

        throw new IOException("The server could not be reached with messages.", error);
    }

    private async Task TellAbortAsync(ChannelCloseInfo info)
    {
        try
        {
            using var timeout = new CancellationTokenSource(_options.CloseTimeout, _options.TimeProvider);
            await _requests.DeleteAsync(ChannelCloseStatus.Aborted, info.Description, timeout.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException or ObjectDisposedException)
        {
            // The server will miss this client by itself.
        }
    }

    private void CheckIdle()
    {
        var since = Volatile.Read(ref _waitingSince);
        if (since != 0 && _options.TimeProvider.GetElapsedTime(since) > _options.IdleTimeout && Volatile.Read(ref _over) == 0)
        {
            // The pending read fails, and the stream is opened again.
            Volatile.Write(ref _waitingSince, 0);
            _response?.Dispose();
        }
    }
}
