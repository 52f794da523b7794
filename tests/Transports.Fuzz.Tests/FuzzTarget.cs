namespace Transports.Fuzz.Tests;

/// <summary>Something that reads bytes of a peer: how inputs for it are made, and how a channel over it is opened.</summary>
/// <param name="name">Its name, and the folder of its inputs in Corpus.</param>
/// <param name="create">Makes an input that is mostly right.</param>
/// <param name="open">Opens a channel that reads from the connection. The only place that knows how channels are put together.</param>
public sealed class FuzzTarget(string name, Func<Random, byte[]> create, Func<ByteConnection, MessageChannelOptions, IMessageChannel> open)
{
    public string Name => name;

    /// <summary>A fault that is known and not mended yet, for which inputs of this target are not tried; <see langword="null"/> for none.</summary>
    public string? KnownFault { get; init; }

    public byte[] Create(Random random) => create(random);

    public IMessageChannel Open(ByteConnection connection, MessageChannelOptions options) => open(connection, options);

    public override string ToString() => name;
}
