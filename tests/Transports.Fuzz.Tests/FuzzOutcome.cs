using System.Globalization;

namespace Transports.Fuzz.Tests;

/// <summary>What a channel made of an input: the messages, and how it ended.</summary>
internal sealed record FuzzOutcome(IReadOnlyList<(MessageKind Kind, byte[] Bytes)> Messages, string End)
{
    public bool IsSameAs(FuzzOutcome other)
        => End == other.End
        && Messages.Count == other.Messages.Count
        && Messages.Zip(other.Messages).All(static pair => pair.First.Kind == pair.Second.Kind && pair.First.Bytes.AsSpan().SequenceEqual(pair.Second.Bytes));

    public override string ToString()
        => string.Create(CultureInfo.InvariantCulture, $"{Messages.Count} messages of [{string.Join(' ', Messages.Select(static message => message.Bytes.Length))}] bytes, then {End}");
}
