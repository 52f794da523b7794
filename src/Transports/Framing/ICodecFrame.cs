namespace Transports.Extensibility;

/// <summary>A frame that is no message, or more than one: bytes of a codec's own, sent in order with the messages. See <see cref="ICodecHost.SendAsync"/>.</summary>
public interface ICodecFrame
{
    /// <summary>About how many bytes it will take.</summary>
    long Size { get; }

    /// <summary>Writes it. Called once, under the channel's send gate; what was written is taken back when this throws.</summary>
    /// <param name="output">Where to.</param>
    void WriteTo(OutputBuffer output);
}
