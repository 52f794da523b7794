using System.Buffers;
using System.Text;

namespace Transports.Tests;

/// <summary>Feeds bytes to a decoder as a channel does: what was not consumed is shown again, with more behind it.</summary>
internal sealed class EventReader(bool isOwn = false, int maxMessageSize = 64 * 1024)
{
    private byte[] _left = [];

    public SseDecoder Decoder { get; } = (SseDecoder)new SseFraming(ArrayPool<byte>.Shared) { IsOwn = isOwn }.CreateDecoder(maxMessageSize);

    public List<(string Type, string Data, string Id)> Events { get; } = [];

    public List<(byte[] Payload, MessageKind Kind)> Messages { get; } = [];

    public EventReader Feed(ReadOnlySpan<byte> bytes, int piece = int.MaxValue)
    {
        while (!bytes.IsEmpty)
        {
            var count = Math.Min(piece, bytes.Length);
            Feed(bytes[..count]);
            bytes = bytes[count..];
        }

        return this;
    }

    private void Feed(ReadOnlySpan<byte> bytes)
    {
        _left = [.. _left, .. bytes];
        var buffer = new ReadOnlySequence<byte>(_left);
        while (buffer.Length > 0 && Decoder.TryReadFrame(ref buffer, out var payload))
        {
            Events.Add((Decoder.EventType, Encoding.UTF8.GetString(payload), Decoder.LastEventId));
            Messages.Add((payload.ToArray(), Decoder.Kind));
        }

        _left = buffer.ToArray();
    }
}
