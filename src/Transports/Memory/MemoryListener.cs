using System.Diagnostics;
using System.Threading.Channels;

namespace Transports.Engine;

/// <summary>Accepts at one in-memory name, out of a bounded backlog.</summary>
[DebuggerDisplay("{LocalAddress}, stopped: {_stopped}")]
internal sealed class MemoryListener(Uri address, int backlog, Action<MemoryListener> onStopped) : IMessageListener
{
    private readonly Channel<MemoryMessageChannel> _waiting = Channel.CreateBounded<MemoryMessageChannel>(backlog);
    private int _stopped;

    public Uri LocalAddress => address;

    public async ValueTask<IMessageChannel?> AcceptAsync(CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        while (await _waiting.Reader.WaitToReadAsync(cancellationToken).ConfigureAwait(false))
        {
            // Nobody is to be served by a listener that has stopped.
            if (Volatile.Read(ref _stopped) == 0 && _waiting.Reader.TryRead(out var channel))
            {
                return channel;
            }
        }

        return null;
    }

    public async ValueTask StopAcceptingAsync(CancellationToken cancellationToken = default)
    {
        if (Interlocked.Exchange(ref _stopped, 1) != 0)
        {
            return;
        }

        onStopped(this);
        _waiting.Writer.TryComplete();
        while (_waiting.Reader.TryRead(out var channel))
        {
            await channel.CloseAsync(ChannelCloseStatus.GoingAway, "The listener stopped before it accepted this channel.", CancellationToken.None).ConfigureAwait(false);
            await channel.DisposeAsync().ConfigureAwait(false);
        }
    }

    public ValueTask DisposeAsync() => StopAcceptingAsync();

    /// <summary>Queues a connected channel, waiting for room. Returns false when the listener has stopped.</summary>
    /// <exception cref="TransportException">There was no room in time.</exception>
    internal async ValueTask<bool> EnqueueAsync(MemoryMessageChannel channel, MemoryTransportOptions options, CancellationToken cancellationToken)
    {
        if (_waiting.Writer.TryWrite(channel))
        {
            return true;
        }

        using var timeout = new CancellationTokenSource(options.ConnectTimeout, options.TimeProvider);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        try
        {
            await _waiting.Writer.WriteAsync(channel, either.Token).ConfigureAwait(false);
            return true;
        }
        catch (ChannelClosedException)
        {
            return false;
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new TransportException(
                $"{AddressText.Of(address)} did not accept within {options.ConnectTimeout}: {backlog} channels wait already. Accept faster, or raise AcceptBacklog or ConnectTimeout.", e);
        }
        catch (OperationCanceledException e)
        {
            throw new OperationCanceledException(e.Message, e, cancellationToken);
        }
    }
}
