using System.IO.Pipelines;

namespace Transports.Testing.Tests;

/// <summary>Two ends of a pair of pipes, each as a byte connection.</summary>
internal static class Wire
{
    public static (ByteConnection First, ByteConnection Second) Create()
    {
        var there = new Pipe();
        var back = new Pipe();
        return (ByteConnection.Create(new Duplex(back.Reader, there.Writer)), ByteConnection.Create(new Duplex(there.Reader, back.Writer)));
    }

    public static (FramedMessageChannel First, FramedMessageChannel Second) CreateChannels(Func<ByteConnection, ByteConnection>? second = null)
    {
        var (a, b) = Create();
        return (Open(a), Open(second?.Invoke(b) ?? b));
    }

    private static FramedMessageChannel Open(ByteConnection connection)
        => new(connection, LengthPrefixedFraming.Default, new MessageChannelContext
        {
            TransportName = "wire",
            Side = ChannelSide.Client,
            Options = new MessageChannelOptions(),
            Characteristics = new ChannelCharacteristics { IsReliable = true, IsOrdered = true, SupportsHalfClose = true },
        });

    private sealed class Duplex(PipeReader input, PipeWriter output) : IDuplexPipe
    {
        public PipeReader Input => input;

        public PipeWriter Output => output;
    }
}
