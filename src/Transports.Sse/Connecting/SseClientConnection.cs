using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;

namespace Transports.Sse;

/// <summary>The bytes of a client: reads the event stream, opening it again when it breaks, and posts what is written.</summary>
/// <remarks>
/// A stream that is opened again goes on behind the last event that has arrived, received or not. It is not opened again when either side has closed, nor when a
/// post has failed for good; then what still arrives within <see cref="MessageChannelOptions.CloseTimeout"/> is read.
/// </remarks>
internal sealed class SseClientConnection : ByteConnection
{
    // A server that asks for no wait at all is still given this long.
    private static readonly TimeSpan LeastDelay = TimeSpan.FromMilliseconds(100);

    private readonly SseRequests _requests;
    private readonly SseTransportOptions _options;
    private readonly SseRetries _retries;
    private readonly ILogger _logger;
    private readonly bool _isDuplex;
    private readonly SseScanner _scanner;
    private readonly CancellationTokenSource _aborted = new();
    private readonly ITimer? _idleTimer;
    private HttpResponseMessage? _response;
    private Stream _stream;
    private long _openedAt;
    private long _posts;
    private long _waitingSince;
    private int _over;
    private ITimer? _lastReads;
    private volatile bool _closing;
    private volatile bool _postFailed;
    private bool _serverEnded;

    public SseClientConnection(SseRequests requests, HttpResponseMessage response, Stream stream, SseTransportOptions options, SseRetries retries, ILogger logger, bool isDuplex)
    {
        _requests = requests;
        _response = response;
        _stream = stream;
        _options = options;
        _retries = retries;
        _logger = logger;
        _isDuplex = isDuplex;
        _scanner = new SseScanner(requests.Session is not null);
        _openedAt = options.TimeProvider.GetTimestamp();
        if (options.IdleTimeout != Timeout.InfiniteTimeSpan)
        {
            var period = options.IdleTimeout / 4;
            _idleTimer = options.TimeProvider.CreateTimer(static state => ((SseClientConnection)state!).CheckIdle(), this, period, period);
        }
    }

    // A request each.
    public override bool NeedsWholeFrames => true;

    private bool IsLastStream => _closing || _postFailed || _scanner.Close is not null;

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer)
    {
        var count = 0;
        Exception? error = null;
        Volatile.Write(ref _waitingSince, _options.TimeProvider.GetTimestamp());
        try
        {
            // Our own token, never a caller's: over HTTP/2, disposing the response does not wake a read.
            count = await _stream.ReadAsync(buffer, _aborted.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is not OutOfMemoryException && (IsLastStream || !_aborted.IsCancellationRequested))
        {
            error = e;
        }

        // What is not read is not the server's silence.
        Volatile.Write(ref _waitingSince, 0);
        if (count > 0)
        {
            _scanner.Scan(buffer.Span[..count]);
            return count;
        }

        if (IsLastStream)
        {
            return 0;
        }

        _aborted.Token.ThrowIfCancellationRequested();
        try
        {
            if (await ReconnectAsync(error).ConfigureAwait(false))
            {
                _scanner.StartStream();
                return NewStream;
            }

            _serverEnded = !IsLastStream;
            return 0;
        }
        catch (OperationCanceledException) when (IsLastStream)
        {
            return 0;
        }
    }

    public override ChannelCloseInfo? DescribeEnd()
        => _serverEnded ? new ChannelCloseInfo(ChannelCloseStatus.Normal, IsRemote: true, "The server has ended the event stream.") : null;

    public override ChannelCloseInfo DescribeFailure(Exception exception)
        => exception is TransportRefusedException { StatusCode: 413 }
            ? new ChannelCloseInfo(ChannelCloseStatus.MessageTooLarge, IsRemote: true, Exception: exception)
            : base.DescribeFailure(exception);

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer)
    {
        try
        {
            while (!buffer.IsEmpty)
            {
                var length = SseWire.LengthOfPost(buffer.Span);
                var events = buffer[..length];
                buffer = buffer[length..];
                var isLast = buffer.IsEmpty && SseWire.EndsWithClose(events.Span);
                if (isLast)
                {
                    // The server answers by ending the stream, perhaps before the post.
                    _closing = true;
                }

                await PostAsync(events, isLast).ConfigureAwait(false);
            }
        }
        catch
        {
            EndSoon();
            throw;
        }
    }

    public override async ValueTask CompleteWritesAsync(ChannelCloseInfo? close)
    {
        if (close is null)
        {
            return;
        }

        if (!_isDuplex && _scanner.Close is null)
        {
            // Both ways it was said in an event, behind the messages.
            await TellAsync(close.Status, close.Description).ConfigureAwait(false);
        }

        // The channel ends: a broken stream is not opened again, and one way there is nobody to wait for.
        _closing = true;
        if (!_isDuplex)
        {
            _response?.Dispose();
            await CancelAsync().ConfigureAwait(false);
        }
    }

    public override void Abort(ChannelCloseInfo info)
    {
        if (Interlocked.Exchange(ref _over, 1) != 0)
        {
            return;
        }

        _aborted.Cancel();
        _response?.Dispose();
        if (!info.IsRemote)
        {
            // The server would otherwise wait for this client to come back.
            _ = TellAsync(ChannelCloseStatus.Aborted, info.Description);
        }
    }

    public override async ValueTask DisposeAsync()
    {
        Interlocked.Exchange(ref _over, 1);
        if (_idleTimer is not null)
        {
            await _idleTimer.DisposeAsync().ConfigureAwait(false);
        }

        if (_lastReads is not null)
        {
            await _lastReads.DisposeAsync().ConfigureAwait(false);
        }

        _response?.Dispose();
        _aborted.Dispose();
    }

    // What was sent has failed for good. The server may still say why, or have closed before, so what arrives is read for a while.
    private void EndSoon()
    {
        if (_isDuplex && !_postFailed)
        {
            _postFailed = true;
            _lastReads = _options.TimeProvider.CreateTimer(static state => ((SseClientConnection)state!).EndWaiting(), this, _options.CloseTimeout, _options.CloseTimeout);
        }
    }

    // What has arrived stays to be read, however late; only nothing more is waited for.
    private void EndWaiting()
    {
        if (Volatile.Read(ref _waitingSince) != 0)
        {
            _ = CancelAsync();
        }
    }

    private async Task CancelAsync()
    {
        try
        {
            await _aborted.CancelAsync().ConfigureAwait(false);
        }
        catch (ObjectDisposedException)
        {
            // Over already.
        }
    }

    // Returns false when the server says that the stream is over.
    private async Task<bool> ReconnectAsync(Exception? error)
    {
        _response?.Dispose();
        if (_options.ReconnectTimeout == TimeSpan.Zero)
        {
            // A response that was whole is what the server had to say.
            return error is null ? false : throw new IOException("The event stream has broken off.", error);
        }

        var delay = Delay(_scanner.Retry);

        // A stream that has lasted was cut by a proxy or the server's own restart, most often: the first try comes at once. One that ends as soon as it
        // is opened would be opened again and again without a pause.
        var waitFirst = _options.TimeProvider.GetElapsedTime(_openedAt) <= delay;
        Log.StreamBrokeOff(_logger, error?.Message ?? "It has ended.", waitFirst ? delay.TotalSeconds : 0);
        HttpResponseMessage? response;
        try
        {
            response = await _retries.RunAsync(
                delay,
                waitFirst,
                async limited =>
                {
                    var opened = await _requests.OpenAsync(_scanner.LastEventId, limited.Token).ConfigureAwait(false);
                    if (opened is not null)
                    {
                        _stream = await opened.Content.ReadAsStreamAsync(limited.Token).ConfigureAwait(false);
                    }

                    return opened;
                },
                _aborted.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is HttpRequestException || (e is IOException and not TransportException))
        {
            throw new IOException($"The event stream broke off, and could not be opened again. {e.Message}", e);
        }

        if (response is null)
        {
            return false;
        }

        _response = response;
        _openedAt = _options.TimeProvider.GetTimestamp();
        if (Volatile.Read(ref _over) != 0)
        {
            response.Dispose();
        }

        return true;
    }

    private TimeSpan Delay(long? retry)
    {
        if (retry is not { } milliseconds)
        {
            return _options.ReconnectDelay;
        }

        var least = LeastDelay < _options.ReconnectDelay ? LeastDelay : _options.ReconnectDelay;
        var asked = TimeSpan.FromMilliseconds(Math.Min(milliseconds, int.MaxValue));
        return asked > least ? asked : least;
    }

    private async ValueTask PostAsync(ReadOnlyMemory<byte> events, bool isLast)
    {
        // Sent again under its number, which the server counts once.
        var sequence = ++_posts;
        try
        {
            await _retries.RunAsync(
                TimeSpan.Zero,
                waitFirst: false,
                async limited =>
                {
                    while (!await PostOnceAsync(events, sequence, isLast, limited).ConfigureAwait(false))
                    {
                        // They were taken; what is missing is room for more, which is asked for without them.
                        events = default;
                        limited.Answered();
                    }

                    return true;
                },
                _aborted.Token).ConfigureAwait(false);
        }
        catch (HttpRequestException e)
        {
            throw new IOException($"The server could not be reached with messages. {e.Message}", e);
        }
    }

    private async Task<bool> PostOnceAsync(ReadOnlyMemory<byte> events, long sequence, bool isLast, SseTry limited)
    {
        using var content = new SsePostContent(events, limited.Extend);
        try
        {
            return await _requests.PostAsync(content, sequence, isLast, limited.Token).ConfigureAwait(false);
        }
        finally
        {
            // The memory is the channel's, which uses it again.
            await content.GiveUpAsync().ConfigureAwait(false);
        }
    }

    private async Task TellAsync(ChannelCloseStatus status, string? description)
    {
        try
        {
            using var timeout = new CancellationTokenSource(_options.CloseTimeout, _options.TimeProvider);
            await _requests.DeleteAsync(status, description, timeout.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is HttpRequestException or IOException or OperationCanceledException or ObjectDisposedException)
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
