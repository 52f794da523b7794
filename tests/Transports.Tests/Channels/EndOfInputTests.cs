using System.Buffers;

namespace Transports.Tests.Channels;

/// <summary>A stream that says inside itself that no more messages come, and goes on to an end of its own.</summary>
public sealed class EndOfInputTests
{
    private static readonly byte[] s_messageAndEnd = [1, 7, 0];

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Closed_TheConnectionEndsAfterTheEndOfInput_TellsHow(bool fails)
    {
        var connection = new ScriptedConnection();
        await using var channel = Create(connection);
        connection.Feed(s_messageAndEnd);
        (await channel.ReceiveAsync(Ct))!.Value.ToArray().Should().Equal(7);
        (await channel.ReceiveAsync(Ct)).Should().BeNull();
        channel.Closed.IsCompleted.Should().BeFalse();

        // What follows is dropped.
        connection.Feed([1, 8]);
        if (fails)
        {
            connection.FeedFailure(new IOException("reset"));
        }
        else
        {
            await channel.CompleteSendingAsync(Ct);
            connection.FeedEnd();
        }

        (await channel.Closed.WaitAsync(Ct)).Status.Should().Be(fails ? ChannelCloseStatus.ConnectionLost : ChannelCloseStatus.Normal);
        (await channel.ReceiveAsync(Ct)).Should().BeNull("the peer had finished in order");
        connection.ReleaseWrites();
        connection.FeedEnd();
    }

    [Fact]
    public async Task Send_AfterTheEndOfInput_GoesOn()
    {
        var connection = new ScriptedConnection();
        await using var channel = Create(connection);
        connection.Feed(s_messageAndEnd);
        (await channel.ReceiveAsync(Ct)).Should().NotBeNull();
        channel.TryReceive(out _).Should().BeFalse();
        (await channel.ReceiveAsync(Ct)).Should().BeNull();

        await channel.SendAsync(new byte[] { 1 }, Ct);
        await channel.FlushAsync(Ct);

        connection.Written.Should().Equal(1);
        connection.FeedEnd();
    }

    private static FramedMessageChannel Create(ScriptedConnection connection) => new(connection, new Codec(), new MessageChannelContext
    {
        TransportName = "scripted",
        Side = ChannelSide.Client,
        Characteristics = new ChannelCharacteristics { IsReliable = true, IsOrdered = true, SupportsHalfClose = true },
        Options = new MessageChannelOptions(),
    });

    // 1 and a byte is a message, 0 is the end of all.
    private sealed class Codec : MessageCodec
    {
        public override void Write(in Message message, OutputBuffer output) => output.Write(message.Span);

        public override ReadStatus Read(Memory<byte> input, ref CodecRead read)
        {
            while (read.Consumed < input.Length && !read.IsFull)
            {
                if (input.Span[read.Consumed] == 0)
                {
                    read.Consumed += read.Count == 0 ? 1 : 0;
                    return read.Count == 0 ? ReadStatus.EndOfInput : ReadStatus.Messages;
                }

                if (read.Consumed + 1 == input.Length)
                {
                    break;
                }

                read.Add(read.Consumed + 1, 1, MessageKind.Binary);
                read.Consumed += 2;
            }

            return read.Count > 0 ? ReadStatus.Messages : ReadStatus.NeedMore;
        }
    }
}
