namespace Transports.Tests.Channels;

public sealed class ReceiveWhileDisposingTests
{
    [Fact]
    public async Task Receive_WhileDisposeGivesBuffersBack_SaysThatTheChannelIsClosed()
    {
        var channel = new ReceivingWhenReleased();
        await channel.DisposeAsync();
        channel.Error.Should().BeOfType<MessageChannelClosedException>();
    }

    /// <summary>Receives at the one moment at which the dispose is inside.</summary>
    private sealed class ReceivingWhenReleased() : FramedMessageChannel(
        ByteConnection.Create(new MemoryStream()),
        LengthPrefixedFraming.Default,
        new MessageChannelContext
        {
            Transport = "test",
            Side = ChannelSide.Client,
            Options = new MessageChannelOptions(),
            Characteristics = new ChannelCharacteristics { IsReliable = true, IsOrdered = true },
        })
    {
        public Exception? Error { get; private set; }

        protected override void ReleaseReceiveCore()
        {
            Error = Record.Exception(() => { _ = TryReceive(out _); });
            base.ReleaseReceiveCore();
        }
    }
}
