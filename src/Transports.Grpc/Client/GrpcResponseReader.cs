using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using Microsoft.Extensions.Logging;

namespace Transports;

/// <summary>Reads the response of one call: the body for the channel's receiver, and the end also for a sender who must know why nothing goes out any more.</summary>
/// <remarks>Whoever reads holds a mark. A receiver reads one at a time; <see cref="FindEndAsync"/> reads ahead while no receiver does, and what it finds is the receiver's.</remarks>
/// <param name="method">The method called, for the log.</param>
/// <param name="readAheadLimit">How much is read ahead at most, in bytes: what the server may have sent unread.</param>
/// <param name="timeProvider">The clock.</param>
/// <param name="logger">Where to log.</param>
internal sealed class GrpcResponseReader(string method, int readAheadLimit, TimeProvider timeProvider, ILogger logger)
{
    private const int FirstReadAhead = 4096;

    private readonly Lock _gate = new();
    private Task<HttpResponseMessage>? _response;
    private Stream? _input;
    private ReadOnlyMemory<byte> _ahead;
    private Task _readingAhead = Task.CompletedTask;
    private TaskCompletionSource? _readerLeft;
    private ChannelCloseInfo? _end;
    private Exception? _failure;
    private bool _isAheadFull;
    private bool _isGivenUp;
    private bool _hasDelivered;
    private int _reading;

    /// <summary>The status that the server has ended the call with, or <see langword="null"/>.</summary>
    public GrpcStatus? Status { get; private set; }

    /// <summary>The server's trailers, or <see langword="null"/>.</summary>
    public GrpcMetadata? Trailers { get; private set; }

    /// <summary>How the server has ended the call, in order; otherwise <see langword="null"/>.</summary>
    public ChannelCloseInfo? OrderlyEnd => IsInOrder(Volatile.Read(ref _end)) ? _end : null;

    /// <summary>Whether bytes were read ahead that no receiver has taken.</summary>
    public bool HasUnread => !_ahead.IsEmpty;

    /// <summary>Whether a receiver has something to find: bytes that it took and may not have looked at, bytes read ahead, or an end in order.</summary>
    public bool HasMoreToTell => Volatile.Read(ref _hasDelivered) || HasUnread || OrderlyEnd is not null;

    private bool IsOver => Volatile.Read(ref _end) is not null || Volatile.Read(ref _failure) is not null;

    /// <summary>Takes the request's answer, before anything is read.</summary>
    public void Begin(Task<HttpResponseMessage> response) => _response = response;

    /// <summary>The call is aborted: an answer that comes now is not kept.</summary>
    public void GiveUp() => Volatile.Write(ref _isGivenUp, true);

    /// <summary>Reads some bytes; 0 is the end, in order. An end with an error is thrown.</summary>
    public ValueTask<int> ReadAsync(Memory<byte> buffer)
    {
        if (Interlocked.CompareExchange(ref _reading, 1, 0) != 0)
        {
            return ReadSlowAsync(buffer, hasMark: false);
        }

        return _input is null || !_ahead.IsEmpty || IsOver ? ReadSlowAsync(buffer, hasMark: true) : ReadInputAsync(buffer);
    }

    /// <summary>Waits until the call has ended, and tells how; <see langword="null"/> when more has arrived before the end than is read ahead.</summary>
    public async Task<ChannelCloseInfo?> FindEndAsync()
    {
        while (true)
        {
            Task looking;
            lock (_gate)
            {
                if (IsOver)
                {
                    return _end ?? Http2Failure.Describe(_failure!);
                }

                if (_isAheadFull)
                {
                    return null;
                }

                if (Interlocked.CompareExchange(ref _reading, 1, 0) == 0)
                {
                    looking = _readingAhead = ReadAheadAsync();
                }
                else
                {
                    // A receiver reads. It finds the end, or leaves with a message and may not come again.
                    _readerLeft ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                    Interlocked.MemoryBarrier();
                    looking = Volatile.Read(ref _reading) == 0 ? Task.CompletedTask : _readerLeft.Task;
                }
            }

            await looking.ConfigureAwait(false);
        }
    }

    private static bool IsInOrder(ChannelCloseInfo? end) => end?.Status is ChannelCloseStatus.Normal or ChannelCloseStatus.GoingAway;

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<int> ReadInputAsync(Memory<byte> buffer)
    {
        try
        {
            var count = await _input!.ReadAsync(buffer, CancellationToken.None).ConfigureAwait(false);
            if (count > 0)
            {
                Volatile.Write(ref _hasDelivered, true);
            }
            else if (!buffer.IsEmpty)
            {
                OnEnd(GrpcResponse.ReadEnd(_response!.Result), _response.Result.TrailingHeaders.NonValidated);
                ThrowUnlessInOrder();
            }

            return count;
        }
        catch (Exception e)
        {
            Volatile.Write(ref _failure, e);
            throw;
        }
        finally
        {
            Leave();
        }
    }

    private async ValueTask<int> ReadSlowAsync(Memory<byte> buffer, bool hasMark)
    {
        while (!hasMark)
        {
            Task ahead;
            lock (_gate)
            {
                ahead = _readingAhead;
            }

            await ahead.ConfigureAwait(false);
            hasMark = Interlocked.CompareExchange(ref _reading, 1, 0) == 0;
        }

        var left = true;
        try
        {
            if (!_ahead.IsEmpty)
            {
                return TakeAhead(buffer);
            }

            if (!IsOver)
            {
                await OpenInputAsync().ConfigureAwait(false);
            }

            if (IsOver)
            {
                ThrowUnlessInOrder();
                return 0;
            }

            left = false;
        }
        catch (Exception e)
        {
            Volatile.Write(ref _failure, e);
            throw;
        }
        finally
        {
            if (left)
            {
                Leave();
            }
        }

        return await ReadInputAsync(buffer).ConfigureAwait(false);
    }

    private int TakeAhead(Memory<byte> buffer)
    {
        var count = Math.Min(buffer.Length, _ahead.Length);
        _ahead[..count].CopyTo(buffer);
        _ahead = _ahead[count..];
        if (count > 0)
        {
            Volatile.Write(ref _hasDelivered, true);
        }

        if (_ahead.IsEmpty)
        {
            _isAheadFull = false;
        }

        return count;
    }

    // With the mark, which is given back at the end. Never throws: what went wrong is the receiver's to find, behind the bytes before it.
    private async Task ReadAheadAsync()
    {
        // Not under the gate.
        await Task.Yield();
        try
        {
            await OpenInputAsync().ConfigureAwait(false);
            var buffer = Array.Empty<byte>();
            var filled = 0;
            while (!IsOver && filled < readAheadLimit)
            {
                if (filled == buffer.Length)
                {
                    Array.Resize(ref buffer, Math.Min(Math.Max(FirstReadAhead, 2 * filled), readAheadLimit));
                }

                var count = await _input!.ReadAsync(buffer.AsMemory(filled), CancellationToken.None).ConfigureAwait(false);
                filled += count;
                _ahead = buffer.AsMemory(0, filled);
                if (count == 0)
                {
                    OnEnd(GrpcResponse.ReadEnd(_response!.Result), _response.Result.TrailingHeaders.NonValidated);
                }
            }

            _isAheadFull = !IsOver;
        }
        catch (Exception e)
        {
            Volatile.Write(ref _failure, e);
        }
        finally
        {
            Leave();
        }
    }

    private async Task OpenInputAsync()
    {
        if (_input is not null)
        {
            return;
        }

        var response = await _response!.ConfigureAwait(false);
        if (Volatile.Read(ref _isGivenUp))
        {
            // The abort may have come a moment before the response and not have seen it.
            response.Dispose();
        }

        if (await GrpcResponse.ReadEarlyEndAsync(response, timeProvider).ConfigureAwait(false) is { } early)
        {
            if (!response.Headers.NonValidated.Contains("grpc-status"))
            {
                GrpcLog.NotGrpc(logger, method, early.Description);
            }

            OnEnd(early, response.Headers.NonValidated);
        }

        _input = await response.Content.ReadAsStreamAsync(CancellationToken.None).ConfigureAwait(false);
    }

    private void OnEnd(ChannelCloseInfo end, System.Net.Http.Headers.HttpHeadersNonValidated trailers)
    {
        Trailers = GrpcResponse.ReadMetadata(trailers);
        Status = new GrpcStatus((GrpcStatusCode)(end.TransportCode ?? (long)GrpcStatusCode.Unknown), end.Description);
        Volatile.Write(ref _end, end);
    }

    private void ThrowUnlessInOrder()
    {
        if (_end is { } end)
        {
            if (!IsInOrder(end))
            {
                throw new GrpcCallFailedException(end);
            }
        }
        else if (_failure is { } failure)
        {
            ExceptionDispatchInfo.Throw(failure);
        }
    }

    private void Leave()
    {
        // A full fence: who waits has written that and then reads the mark.
        Interlocked.Exchange(ref _reading, 0);
        if (Volatile.Read(ref _readerLeft) is not null)
        {
            lock (_gate)
            {
                _readerLeft?.TrySetResult();
                _readerLeft = null;
            }
        }
    }
}
