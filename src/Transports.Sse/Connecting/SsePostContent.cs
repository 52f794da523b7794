using System.Net;
using System.Net.Http.Headers;

namespace Transports.Sse;

/// <summary>Events on their way to the server. Each piece that has gone is told, so that a slow way is not taken for a dead one.</summary>
internal sealed class SsePostContent : HttpContent
{
    private const int PieceSize = 64 * 1024;

    private readonly ReadOnlyMemory<byte> _events;
    private readonly Action _progress;
    private readonly Lock _gate = new();
    private readonly TaskCompletionSource _unused = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _users;
    private bool _givenUp;

    public SsePostContent(ReadOnlyMemory<byte> events, Action progress)
    {
        _events = events;
        _progress = progress;
        Headers.ContentType = new MediaTypeHeaderValue(SseWire.ContentType);
    }

    /// <summary>The memory is to be used for something else: completes when no request reads it any more, and none will.</summary>
    public Task GiveUpAsync()
    {
        lock (_gate)
        {
            _givenUp = true;
            return _users == 0 ? Task.CompletedTask : _unused.Task;
        }
    }

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_givenUp, this);
            _users++;
        }

        try
        {
            for (var rest = _events; !rest.IsEmpty;)
            {
                var piece = rest[..Math.Min(PieceSize, rest.Length)];
                await stream.WriteAsync(piece, cancellationToken).ConfigureAwait(false);
                rest = rest[piece.Length..];
                _progress();
            }
        }
        finally
        {
            lock (_gate)
            {
                _users--;
                if (_givenUp && _users == 0)
                {
                    _unused.TrySetResult();
                }
            }
        }
    }

    protected override bool TryComputeLength(out long length)
    {
        length = _events.Length;
        return true;
    }
}
