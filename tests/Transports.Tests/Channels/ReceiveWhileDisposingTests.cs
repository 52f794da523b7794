namespace Transports.Tests.Channels;

public sealed class ReceiveWhileDisposingTests
{
    [Fact]
    public async Task Receive_WhileDisposeGivesBuffersBack_SaysThatTheChannelIsClosed()
    {
        var codec = new ReceivingWhenReleased();
        var channel = new FramedMessageChannel(ByteConnection.Create(new MemoryStream()), codec, new MessageChannelContext
        {
            TransportName = "test",
            Side = ChannelSide.Client,
            Options = new MessageChannelOptions(),
            Characteristics = new ChannelCharacteristics { IsReliable = true, IsOrdered = true },
        });
        codec.Channel = channel;
        await channel.DisposeAsync();

        await Assert.ThrowsAsync<MessageChannelClosedException>(() => codec.Receiving!);
        codec.Received.Should().BeFalse();
    }

    /// <summary>Receives at the one moment at which the dispose is inside.</summary>
    private sealed class ReceivingWhenReleased : MessageCodec
    {
        public FramedMessageChannel? Channel { get; set; }

        public Task? Receiving { get; private set; }

        public bool Received { get; private set; }

        public override void Write(in Message message, OutputBuffer output) => throw new NotSupportedException();

        public override ReadStatus Read(Memory<byte> input, ref CodecRead read) => ReadStatus.NeedMore;

        public override void Release(bool abandon)
        {
            Received = Channel!.TryReceive(out _);
            Receiving = Channel.ReceiveAsync().AsTask();
        }
    }
}
