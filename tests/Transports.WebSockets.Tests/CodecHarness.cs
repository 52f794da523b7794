using System.Buffers;
using System.Text;

namespace Transports.WebSockets.Tests;

/// <summary>Runs a codec without a channel: feeds it the way a channel's reader would, and tells what it finds.</summary>
internal static class CodecHarness
{
    public static WebSocketCodec Create(bool isServer, bool compressed = false, int maxMessageSize = 1000, ArrayPool<byte>? pool = null)
        => new(isServer, compressed ? WebSocketDeflateAgreement.Default : null, null, new WebSocketChannelOptions { MaxMessageSize = maxMessageSize, BufferPool = pool ?? ArrayPool<byte>.Shared });

    public static CodecRead NewRead() => new() { Frames = new MessageFrame[CodecRead.MaxMessages] };

    /// <summary>Reads to the end, or to a close.</summary>
    /// <param name="codec">The codec.</param>
    /// <param name="bytes">What arrives.</param>
    /// <param name="splits">Where the pieces end in which it arrives.</param>
    /// <param name="found">Takes what is found, as text.</param>
    /// <param name="messages">Takes the messages.</param>
    public static List<string> Read(WebSocketCodec codec, byte[] bytes, IEnumerable<int>? splits = null, List<string>? found = null, List<byte[]>? messages = null)
    {
        found ??= [];
        var buffer = bytes.ToArray();
        var read = NewRead();
        var start = 0;
        foreach (var end in (splits ?? []).Where(split => split < bytes.Length).Append(bytes.Length))
        {
            ReadStatus status;
            do
            {
                read.Clear(scanned: 0);
                status = codec.Read(buffer.AsMemory(start, end - start), ref read);
                for (var i = 0; i < read.Count; i++)
                {
                    var frame = read.Frames[i];
                    var payload = (read.OwnedArray ?? buffer).AsSpan(frame.Offset + (read.OwnedArray is null ? start : 0), frame.Length).ToArray();
                    messages?.Add(payload);
                    found.Add($"{frame.Kind} {Encoding.Latin1.GetString(payload)}");
                }

                start += read.Consumed;
                switch (status)
                {
                    case ReadStatus.Reply:
                        found.Add($"Reply {Encoding.Latin1.GetString(read.Reply.Span)}");
                        break;
                    case ReadStatus.Closed:
                        found.Add(TextOf(read.Close!));
                        return found;
                }
            }
            while (status != ReadStatus.NeedMore);
        }

        return found;
    }

    /// <summary>Scans to the end, or to a close.</summary>
    public static List<string> Scan(WebSocketCodec codec, byte[] bytes, IEnumerable<int>? splits = null)
    {
        var found = new List<string>();
        var read = NewRead();
        var start = 0;
        codec.BeginScan();
        foreach (var end in (splits ?? []).Where(split => split < bytes.Length).Append(bytes.Length))
        {
            while (start < end)
            {
                read.Clear(scanned: 0);
                var status = codec.Scan(bytes.AsSpan(start, end - start), ref read);
                start += read.Consumed;
                switch (status)
                {
                    case ReadStatus.Reply:
                        found.Add($"Reply {Encoding.Latin1.GetString(read.Reply.Span)}");
                        break;
                    case ReadStatus.Closed:
                        found.Add(TextOf(read.Close!));
                        return found;
                    default:
                        start.Should().Be(end);
                        break;
                }
            }
        }

        return found;
    }

    /// <summary>What the codec writes.</summary>
    public static byte[] Write(Action<OutputBuffer> write)
    {
        var output = new OutputBuffer(ArrayPool<byte>.Shared);
        write(output);
        var bytes = output.WrittenSpan.ToArray();
        output.Release();
        return bytes;
    }

    private static string TextOf(ChannelCloseInfo close) => $"Closed {close.Status} {close.ProtocolErrorCode} {close.Description}".TrimEnd();
}
