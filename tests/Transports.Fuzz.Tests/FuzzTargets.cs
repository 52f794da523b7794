using System.Buffers;

namespace Transports.Fuzz.Tests;

/// <summary>Every decoder of the house.</summary>
internal static class FuzzTargets
{
    public static IReadOnlyList<FuzzTarget> All { get; } =
    [
        Framing("length-4", LengthPrefixedFraming.Default),
        Framing("length-2-little", new LengthPrefixedFraming(2, littleEndian: true)),
        Framing("varint", new VarintFraming()),
        Framing("lines", DelimiterFraming.Lines),
        Framing("delimiter", new DelimiterFraming("\r\n\r"u8)),
        Framing("content-length", new ContentLengthFraming()),
        Framing("fixed", new FixedLengthFraming(7), fixedSize: 7),
        new FuzzTarget("websocket-server", random => WebSocketInput.Create(random, masked: true, compressed: false), static (connection, options) => WebSocket(connection, options, ChannelSide.Server, compressed: false)),
        new FuzzTarget("websocket-client", random => WebSocketInput.Create(random, masked: false, compressed: false), static (connection, options) => WebSocket(connection, options, ChannelSide.Client, compressed: false)),
        new FuzzTarget("websocket-deflate", random => WebSocketInput.Create(random, masked: true, compressed: true), static (connection, options) => WebSocket(connection, options, ChannelSide.Server, compressed: true)),
        new FuzzTarget("sse-foreign", SseInput.Create, static (connection, options) => Sse(connection, options, ChannelSide.Client, isOwn: false)),
        new FuzzTarget("sse-own", SseInput.Create, static (connection, options) => Sse(connection, options, ChannelSide.Client, isOwn: true)),
        new FuzzTarget("sse-post", SseInput.Create, static (connection, options) => Sse(connection, options, ChannelSide.Server, isOwn: true)),
        new FuzzTarget("grpc", random => GrpcInput.Create(random, envelope: false, gzip: false), static (connection, options) => Grpc(connection, options, envelope: false, gzip: false)),
        new FuzzTarget("grpc-envelope", random => GrpcInput.Create(random, envelope: true, gzip: false), static (connection, options) => Grpc(connection, options, envelope: true, gzip: false)),
        new FuzzTarget("grpc-gzip", random => GrpcInput.Create(random, envelope: true, gzip: true), static (connection, options) => Grpc(connection, options, envelope: true, gzip: true)),
    ];

    private static FuzzTarget Framing(string name, IMessageFraming framing, int? fixedSize = null) => new(
        name,
        random =>
        {
            var output = new ArrayBufferWriter<byte>();
            for (var i = random.Next(6); i > 0; i--)
            {
                try
                {
                    framing.WriteFrame(new ReadOnlySequence<byte>(Bytes.Some(random, fixedSize)), output);
                }
                catch (MessageFramingException)
                {
                    // The payload holds the delimiter.
                }
            }

            return output.WrittenSpan.ToArray();
        },
        (connection, options) => new FramedMessageChannel(connection, framing, Context(options, ChannelSide.Server)));

    private static FramedMessageChannel WebSocket(ByteConnection connection, MessageChannelOptions options, ChannelSide side, bool compressed)
    {
        var limits = new WebSocketChannelOptions { MaxMessageSize = options.MaxMessageSize, BufferPool = options.BufferPool };
        return new FramedMessageChannel(connection, new WebSocketCodec(side == ChannelSide.Server, compressed ? WebSocketDeflateAgreement.Default : null, null, limits), Context(options, side));
    }

    private static FramedMessageChannel Sse(ByteConnection connection, MessageChannelOptions options, ChannelSide side, bool isOwn)
        => SseChannels.Create(connection, isOwn, Context(options, side));

    private static FramedMessageChannel Grpc(ByteConnection connection, MessageChannelOptions options, bool envelope, bool gzip)
    {
        var compression = new GrpcCompression { IsEnabled = gzip, ReceivedEncoding = gzip ? GrpcCompression.Gzip : null };
        return GrpcChannels.Create(connection, envelope, compression, Context(options, ChannelSide.Server));
    }

    private static MessageChannelContext Context(MessageChannelOptions options, ChannelSide side) => new()
    {
        TransportName = "fuzz",
        Side = side,
        Options = options,
        Characteristics = new ChannelCharacteristics { IsReliable = true, IsOrdered = true, SupportsHalfClose = true },
    };
}
