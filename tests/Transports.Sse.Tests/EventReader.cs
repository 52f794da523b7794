using System.Buffers;
using System.Text;

namespace Transports.Sse.Tests;

/// <summary>Feeds bytes to a codec as a channel does: what was not consumed is shown again, with more behind it.</summary>
internal sealed class EventReader(bool isOwn = false, int maxMessageSize = 64 * 1024, ArrayPool<byte>? pool = null)
{
    private byte[] _left = [];
    private CodecRead _read = new() { Frames = new MessageFrame[CodecRead.MaxMessages] };

    public SseCodec Codec { get; } = new(
        ChannelSide.Client,
        ChannelDirection.Bidirectional,
        isOwn,
        new MessageChannelOptions { MaxMessageSize = maxMessageSize, BufferPool = pool ?? ArrayPool<byte>.Shared });

    public List<(string Type, string Data, string Id)> Events { get; } = [];

    public List<(byte[] Payload, MessageKind Kind)> Messages { get; } = [];

    /// <summary>How many messages each call has found that found any.</summary>
    public List<int> Tables { get; } = [];

    public ChannelCloseInfo? Close { get; private set; }

    public ReadOnlySpan<byte> Left => _left;

    public EventReader Feed(ReadOnlySpan<byte> bytes, int piece = int.MaxValue)
    {
        while (!bytes.IsEmpty && Close is null)
        {
            var count = Math.Min(piece, bytes.Length);
            _left = [.. _left, .. bytes[..count]];
            Read();
            bytes = bytes[count..];
        }

        return this;
    }

    /// <summary>The connection begins a new stream.</summary>
    public void Reconnect()
    {
        _left = [];
        Codec.ResetInput();
    }

    private void Read()
    {
        while (true)
        {
            _read.Clear(scanned: 0);
            var status = Codec.Read(_left, ref _read);
            status.Should().Be(_read.Count > 0 ? ReadStatus.Messages : _read.Close is null ? ReadStatus.NeedMore : ReadStatus.Closed);
            for (var i = 0; i < _read.Count; i++)
            {
                var frame = _read.Frames[i];
                var payload = (_read.OwnedArray ?? _left).AsSpan(frame.Offset, frame.Length).ToArray();
                Messages.Add((payload, frame.Kind));
                Events.Add((Codec.EventType, Encoding.UTF8.GetString(payload), Codec.LastEventId));
            }

            _left = _left[_read.Consumed..];
            if (status == ReadStatus.Messages)
            {
                Tables.Add(_read.Count);
                if (_left.Length > 0)
                {
                    continue;
                }
            }

            Close = _read.Close;
            return;
        }
    }
}
