namespace Transports;

/// <summary>A way to carry messages: the address schemes it answers to and what it promises.</summary>
public interface ITransport
{
    /// <summary>The URI schemes this transport opens, in lower case, such as <c>tcp</c>.</summary>
    IReadOnlyList<string> Schemes { get; }

    /// <summary>What the channels of a scheme promise in general. A channel's own <see cref="IMessageChannel.Characteristics"/> are exact.</summary>
    /// <param name="scheme">One of <see cref="Schemes"/>.</param>
    ChannelCharacteristics GetCharacteristics(string scheme);
}
