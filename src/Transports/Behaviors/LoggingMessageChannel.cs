using System.Buffers;
using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;

namespace Transports.Engine;

/// <summary>Logs what passes.</summary>
internal sealed class LoggingMessageChannel : DelegatingMessageChannel
{
    private readonly ILogger _logger;
    private readonly int _payloadBytes;

    public LoggingMessageChannel(IMessageChannel inner, ILogger logger, int maxLoggedPayloadBytes)
        : base(inner)
    {
        ArgumentNullException.ThrowIfNull(logger);
        OptionGuard.ThrowIfOutOfRange(maxLoggedPayloadBytes, 0, 65_536, nameof(maxLoggedPayloadBytes));
        _logger = logger;
        _payloadBytes = maxLoggedPayloadBytes;
        Log.ChannelOpened(logger, inner.Id, inner.LocalAddress, inner.RemoteAddress);
        _ = LogEndAsync();
    }

    public override ValueTask SendAsync(Message message, CancellationToken cancellationToken = default)
        => _logger.IsEnabled(LogLevel.Trace) ? SendLoggedAsync(message, cancellationToken) : Inner.SendAsync(message, cancellationToken);

    public override ValueTask SendAsync(ReadOnlyMemory<Message> batch, CancellationToken cancellationToken = default)
        => _logger.IsEnabled(LogLevel.Trace) ? SendLoggedAsync(batch, cancellationToken) : Inner.SendAsync(batch, cancellationToken);

    public override bool TrySend(in Message message)
    {
        if (!Inner.TrySend(message))
        {
            return false;
        }

        if (_logger.IsEnabled(LogLevel.Trace))
        {
            LogSent(message);
        }

        return true;
    }

    public override ValueTask<Message?> ReceiveAsync(CancellationToken cancellationToken = default)
    {
        var receiving = Inner.ReceiveAsync(cancellationToken);
        return _logger.IsEnabled(LogLevel.Trace) ? ReceiveLoggedAsync(receiving) : receiving;
    }

    public override bool TryReceive(out Message message)
    {
        if (!Inner.TryReceive(out message))
        {
            return false;
        }

        if (_logger.IsEnabled(LogLevel.Trace))
        {
            LogReceived(message);
        }

        return true;
    }

    private async ValueTask SendLoggedAsync(Message message, CancellationToken cancellationToken)
    {
        await Inner.SendAsync(message, cancellationToken).ConfigureAwait(false);
        LogSent(message);
    }

    private async ValueTask SendLoggedAsync(ReadOnlyMemory<Message> batch, CancellationToken cancellationToken)
    {
        // The batch's memory is the caller's again only when this method has completed.
        await Inner.SendAsync(batch, cancellationToken).ConfigureAwait(false);
        for (var i = 0; i < batch.Length; i++)
        {
            LogSent(batch.Span[i]);
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<Message?> ReceiveLoggedAsync(ValueTask<Message?> receiving)
    {
        var received = await receiving.ConfigureAwait(false);
        if (received is { } message)
        {
            LogReceived(message);
        }

        return received;
    }

    private void LogSent(in Message message)
    {
        Log.MessageSent(_logger, Inner.Id, message.Length, message.Kind);
        if (_payloadBytes > 0)
        {
            Log.PayloadSent(_logger, Inner.Id, Show(message));
        }
    }

    private void LogReceived(in Message message)
    {
        Log.MessageReceived(_logger, Inner.Id, message.Length, message.Kind);
        if (_payloadBytes > 0)
        {
            Log.PayloadReceived(_logger, Inner.Id, Show(message));
        }
    }

    // Hexadecimal, so that a payload can neither forge a line of the log nor be cut inside a character.
    private string Show(in Message message)
    {
        var payload = message.Payload;
        return payload.Length <= _payloadBytes
            ? Convert.ToHexString(payload.ToArray())
            : Convert.ToHexString(payload.Slice(0, _payloadBytes).ToArray()) + "...";
    }

    private async Task LogEndAsync()
    {
        var info = await Inner.Closed.ConfigureAwait(false);
        Log.ChannelEndSeen(_logger, Inner.Id, info.Status, info.IsRemote ? "peer" : "this side", info.Description);
    }
}
