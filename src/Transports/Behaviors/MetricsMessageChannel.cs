using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace Transports.Engine;

/// <summary>Counts what passes. While nobody listens to the meter it only passes on.</summary>
internal sealed class MetricsMessageChannel : DelegatingMessageChannel
{
    private readonly KeyValuePair<string, object?>[] _tags;
    private readonly KeyValuePair<string, object?>[] _sendTags;
    private readonly KeyValuePair<string, object?>[] _receiveTags;

    public MetricsMessageChannel(IMessageChannel inner)
        : base(inner)
    {
        var context = inner.GetFeature<MessageChannelContext>();
        var address = (context?.Side == ChannelSide.Server ? inner.LocalAddress : inner.RemoteAddress) ?? inner.LocalAddress;
        _tags =
        [
            new("transport", context?.TransportName ?? address?.Scheme ?? "unknown"),
            new("side", context?.Side switch { ChannelSide.Client => "client", ChannelSide.Server => "server", _ => "unknown" }),
            new("address", WithoutSecrets(address)),
        ];
        _sendTags = [.. _tags, new("direction", "send")];
        _receiveTags = [.. _tags, new("direction", "receive")];
        TransportsInstrumentation.ActiveChannels.Add(1, _tags);
        _ = CountEndAsync();
    }

    public override ValueTask SendAsync(Message message, CancellationToken cancellationToken = default)
    {
        var sending = Inner.SendAsync(message, cancellationToken);
        if (!sending.IsCompletedSuccessfully)
        {
            return IsSendMeasured ? AwaitSendAsync(sending, message.Length) : sending;
        }

        if (TransportsInstrumentation.MeasuresMessages)
        {
            Count(message.Length, _sendTags);
        }

        return sending;
    }

    public override ValueTask SendAsync(ReadOnlyMemory<Message> batch, CancellationToken cancellationToken = default)
    {
        var sending = Inner.SendAsync(batch, cancellationToken);
        if (!sending.IsCompletedSuccessfully)
        {
            return IsSendMeasured ? AwaitSendAsync(sending, batch) : sending;
        }

        CountSent(batch.Span);
        return sending;
    }

    public override bool TrySend(in Message message)
    {
        if (!Inner.TrySend(message))
        {
            return false;
        }

        if (TransportsInstrumentation.MeasuresMessages)
        {
            Count(message.Length, _sendTags);
        }

        return true;
    }

    public override ValueTask<Message?> ReceiveAsync(CancellationToken cancellationToken = default)
    {
        var receiving = Inner.ReceiveAsync(cancellationToken);
        if (!TransportsInstrumentation.MeasuresMessages)
        {
            return receiving;
        }

        if (!receiving.IsCompletedSuccessfully)
        {
            return AwaitReceiveAsync(receiving);
        }

        var received = receiving.Result;
        if (received is { } message)
        {
            Count(message.Length, _receiveTags);
        }

        return new ValueTask<Message?>(received);
    }

    public override bool TryReceive(out Message message)
    {
        if (!Inner.TryReceive(out message))
        {
            return false;
        }

        if (TransportsInstrumentation.MeasuresMessages)
        {
            Count(message.Length, _receiveTags);
        }

        return true;
    }

    private static bool IsSendMeasured => TransportsInstrumentation.MeasuresMessages || TransportsInstrumentation.SendWait.Enabled;

    private static string WithoutSecrets(Uri? address)
        => address?.GetComponents(UriComponents.SchemeAndServer | UriComponents.Path, UriFormat.UriEscaped) ?? "unknown";

    private static void Count(long length, KeyValuePair<string, object?>[] tags)
    {
        TransportsInstrumentation.Messages.Add(1, tags);
        TransportsInstrumentation.Bytes.Add(length, tags);
        TransportsInstrumentation.MessageSize.Record(length, tags);
    }

    private void CountSent(ReadOnlySpan<Message> batch)
    {
        if (TransportsInstrumentation.MeasuresMessages)
        {
            foreach (ref readonly var message in batch)
            {
                Count(message.Length, _sendTags);
            }
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask AwaitSendAsync(ValueTask sending, long length)
    {
        var start = Stopwatch.GetTimestamp();
        await sending.ConfigureAwait(false);
        TransportsInstrumentation.SendWait.Record(Stopwatch.GetElapsedTime(start).TotalSeconds, _tags);
        Count(length, _sendTags);
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask AwaitSendAsync(ValueTask sending, ReadOnlyMemory<Message> batch)
    {
        var start = Stopwatch.GetTimestamp();
        await sending.ConfigureAwait(false);
        TransportsInstrumentation.SendWait.Record(Stopwatch.GetElapsedTime(start).TotalSeconds, _tags);
        CountSent(batch.Span);
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<Message?> AwaitReceiveAsync(ValueTask<Message?> receiving)
    {
        var received = await receiving.ConfigureAwait(false);
        if (received is { } message)
        {
            Count(message.Length, _receiveTags);
        }

        return received;
    }

    private async Task CountEndAsync()
    {
        var info = await Inner.Closed.ConfigureAwait(false);
        TransportsInstrumentation.ActiveChannels.Add(-1, _tags);
        if (info.Status is not (ChannelCloseStatus.Normal or ChannelCloseStatus.GoingAway))
        {
            TransportsInstrumentation.Errors.Add(1, [.. _tags, new("status", info.Status.ToString())]);
        }
    }
}
