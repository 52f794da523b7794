using System.Collections.Concurrent;

namespace Transports.Tests.Serialization;

/// <summary>A decorator that sees what passes, and can hold it.</summary>
internal sealed class PassingChannel(IMessageChannel inner) : DelegatingMessageChannel(inner)
{
    // Sends that were held go on side by side.
    public ConcurrentQueue<(string Text, MessageKind Kind)> Sent { get; } = [];

    public Task? Hold { get; set; }

    public override async ValueTask SendAsync(Message message, CancellationToken cancellationToken = default)
    {
        if (Hold is not null)
        {
            await Hold;
        }

        Sent.Enqueue((message.GetText(), message.Kind));
        await Inner.SendAsync(message, cancellationToken);
    }

    public override bool TrySend(in Message message)
    {
        Sent.Enqueue((message.GetText(), message.Kind));
        return Inner.TrySend(message);
    }
}
