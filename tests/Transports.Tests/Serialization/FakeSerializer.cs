using System.Buffers;
using System.Text;

namespace Transports.Tests.Serialization;

/// <summary>A serializer whose writing the test supplies.</summary>
internal sealed class FakeSerializer(Action<string, IBufferWriter<byte>> serialize) : IMessageSerializer<string>
{
    public MessageKind Kind => MessageKind.Text;

    public void Serialize(string value, IBufferWriter<byte> output) => serialize(value, output);

    public string Deserialize(in ReadOnlySequence<byte> payload) => Encoding.UTF8.GetString(payload);
}
