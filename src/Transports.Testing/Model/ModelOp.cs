using System.Globalization;

namespace Transports.Testing;

/// <summary>One step of a program.</summary>
internal sealed record ModelOp(ModelOpKind Kind)
{
    /// <summary>The sizes of the messages to send; more than one is a batch.</summary>
    public IReadOnlyList<int> Sizes { get; init; } = [];

    public MessageKind MessageKind { get; init; }

    /// <summary>The payloads lie in several pieces of memory.</summary>
    public bool InPieces { get; init; }

    public ModelCancel Cancel { get; init; }

    public ChannelCloseStatus Status { get; init; }

    /// <summary>What it sends may arrive.</summary>
    public bool IsSend => Kind is ModelOpKind.Send or ModelOpKind.TrySend;

    public override string ToString()
    {
        var text = Kind switch
        {
            ModelOpKind.Send or ModelOpKind.TrySend or ModelOpKind.SendTooLarge => string.Create(CultureInfo.InvariantCulture, $"{Kind} {MessageKind} [{string.Join(' ', Sizes)}]"),
            ModelOpKind.Close => $"{Kind} {Status}",
            _ => $"{Kind}",
        };
        return Cancel == ModelCancel.Never ? text : $"{text} cancelled {Cancel}";
    }
}
