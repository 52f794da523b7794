using System.Buffers;
using System.Text;

namespace Transports.Engine;

/// <summary>Strings as text messages, encoded straight into the channel's buffer.</summary>
internal sealed class Utf8TextSerializer : IMessageSerializer<string>
{
    // Replacement characters would change what was sent in silence; an error is said instead.
    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    public static Utf8TextSerializer Instance { get; } = new();

    public MessageKind Kind => MessageKind.Text;

    public void Serialize(string value, IBufferWriter<byte> output) => StrictUtf8.GetBytes(value, output);

    public string Deserialize(in ReadOnlySequence<byte> payload) => StrictUtf8.GetString(payload);
}
