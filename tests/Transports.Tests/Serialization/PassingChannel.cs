namespace Transports.Tests.Serialization;

/// <summary>A decorator that sees what passes, and can hold it.</summary>
internal sealed class PassingChannel(IMessageChannel inner) : DelegatingMessageChannel(inner)
{
    public List<(string Text, MessageKind Kind)> Sent { get; } = [];

    public Task? Hold { get; set; }

    public override async ValueTask SendAsync(Message message, CancellationToken cancellationToken = default)
    {
        if (Hold is not null)
        {
            await Hold;
        }

        Sent.Add((message.GetText(), message.Kind));
        await Inner.SendAsync(message, cancellationToken);
    }
}
