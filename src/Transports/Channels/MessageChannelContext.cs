using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Transports.Extensibility;

/// <summary>What a channel is told about itself by the transport that opens it.</summary>
public sealed class MessageChannelContext
{
    /// <summary>The transport's short name, such as <c>tcp</c>: the beginning of <see cref="IMessageChannel.Id"/> and a tag of metrics.</summary>
    public required string TransportName { get; init; }

    /// <summary>Which end this is.</summary>
    public required ChannelSide Side { get; init; }

    /// <summary>What the channel guarantees. <see cref="ChannelCharacteristics.MaxMessageSize"/> is taken from <see cref="Options"/> unless it is smaller here.</summary>
    public required ChannelCharacteristics Characteristics { get; init; }

    /// <summary>Limits and services; not changed and not kept beyond the channel.</summary>
    public required MessageChannelOptions Options { get; init; }

    /// <summary>The address of this end. User information is removed from it.</summary>
    public Uri? LocalAddress { get; init; }

    /// <summary>The address of the other end. User information is removed from it.</summary>
    public Uri? RemoteAddress { get; init; }

    /// <summary>More features that <see cref="IMessageChannel.GetFeature"/> finds, asked by their type, behind those of the codec and the connection.</summary>
    public Func<Type, object?>? Features { get; init; }

    /// <summary>Where the channel logs.</summary>
    public ILogger Logger { get; init; } = NullLogger.Instance;
}
