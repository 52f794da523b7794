using System.Buffers;

namespace Transports.Tests.Channels;

/// <summary>A framed channel over a <see cref="ScriptedConnection"/>, with small buffers and a <see cref="TrackingPool"/>.</summary>
internal sealed class ScriptedChannel : IAsyncDisposable
{
    // Two of these fill a buffer of 1,024 bytes: one is taken while another is being written, a third waits.
    public const int HalfABuffer = 600;

    public ScriptedChannel(IMessageFraming? framing = null, int readLimit = int.MaxValue, int maxMessageSize = 100_000, TimeSpan? closeTimeout = null, TimeSpan? sendTimeout = null)
    {
        Connection = new ScriptedConnection { ReadLimit = readLimit };
        Framing = framing ?? LengthPrefixedFraming.Default;
        Channel = new FramedMessageChannel(Connection, Framing, new MessageChannelContext
        {
            TransportName = "scripted",
            Side = ChannelSide.Client,
            Characteristics = new ChannelCharacteristics { IsReliable = true, IsOrdered = true, SupportsHalfClose = true },
            Options = new MessageChannelOptions
            {
                SendBufferSize = 1024,
                ReceiveBufferSize = 1024,
                MaxMessageSize = maxMessageSize,
                BufferPool = Pool,
                CloseTimeout = closeTimeout ?? TimeSpan.FromSeconds(5),
                SendTimeout = sendTimeout ?? TimeSpan.FromMinutes(2),
            },
        });
    }

    public ScriptedConnection Connection { get; }

    public FramedMessageChannel Channel { get; }

    public TrackingPool Pool { get; } = new();

    private IMessageFraming Framing { get; }

    public static byte[] Bytes(byte value, int length = HalfABuffer) => [.. Enumerable.Repeat(value, length)];

    /// <summary>One message being written, one taken, so that the next sender waits.</summary>
    public async Task FillAsync()
    {
        Connection.HoldWrites();
        await Channel.SendAsync(Bytes(0));
        await Channel.SendAsync(Bytes(1));
    }

    public void FeedMessage(params byte[] payload) => Connection.Feed(Frame(payload));

    public byte[] Frame(byte[] payload)
    {
        var output = new ArrayBufferWriter<byte>();
        Framing.WriteFrame(new ReadOnlySequence<byte>(payload), output);
        return output.WrittenSpan.ToArray();
    }

    /// <summary>The payloads written so far; all bytes must be whole frames.</summary>
    public List<byte[]> WrittenMessages()
    {
        ReadOnlySpan<byte> buffer = Connection.Written;
        var decoder = Framing.CreateDecoder(int.MaxValue);
        var messages = new List<byte[]>();
        while (decoder.TryReadFrame(buffer, out var offset, out var length, out var consumed))
        {
            messages.Add(buffer.Slice(offset, length).ToArray());
            buffer = buffer[consumed..];
        }

        buffer.Length.Should().Be(0, "only whole frames are written");
        return messages;
    }

    /// <summary>Ends it, waits until the connection is given back, and checks the memory.</summary>
    public async ValueTask DisposeAsync()
    {
        Connection.ReleaseWrites();
        Connection.FeedEnd();
        await Channel.DisposeAsync();
        await Connection.Disposed;
        Pool.Verify();
    }
}
