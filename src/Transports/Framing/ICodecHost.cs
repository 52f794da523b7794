namespace Transports.Extensibility;

/// <summary>What a codec's features may ask of its channel. Not to be called from inside the codec's reading or writing.</summary>
public interface ICodecHost
{
    /// <summary>Sends a frame of the codec's own, as <see cref="IMessageChannel.SendAsync(Message, CancellationToken)"/> sends a message.</summary>
    /// <param name="frame">Writes itself when there is room.</param>
    /// <param name="cancellationToken">Gives up waiting for room.</param>
    ValueTask SendAsync(ICodecFrame frame, CancellationToken cancellationToken);

    /// <summary>Ends the channel; what has arrived can still be received.</summary>
    /// <param name="info">How it ended.</param>
    void Terminate(ChannelCloseInfo info);
}
