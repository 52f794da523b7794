using System.Buffers;
using System.Buffers.Binary;

namespace Transports.Udp.Tests;

/// <summary>
/// The promises that every channel keeps, where the conformance suite can't ask for them of a transport that may lose: on loopback,
/// with no more under way than the socket's buffer holds, nothing is lost.
/// </summary>
public sealed class UdpContractTests : UdpFixture
{
    private readonly LeakTrackingArrayPool _pool = new();

    [Theory(Timeout = HangTimeout)]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Message_AfterTheNextReceive_ThrowsInsteadOfShowingOtherBytes(bool toServer)
    {
        var (sender, receiver) = await OpenWayAsync(toServer);
        await sender.SendAsync(new Message[] { "one"u8.ToArray(), "two"u8.ToArray() }, Token);
        var lent = (await receiver.ReceiveAsync(Token))!.Value;
        lent.GetText().Should().Be("one");
        using var kept = lent.Retain();
        var next = (await receiver.ReceiveAsync(Token))!.Value;
        lent.Invoking(message => message.Payload).Should().Throw<InvalidOperationException>().WithMessage("*Retain()*");
        next.GetText().Should().Be("two");
        receiver.TryReceive(out _).Should().BeFalse();
        next.Invoking(message => message.Payload).Should().Throw<InvalidOperationException>();
        await receiver.DisposeAsync();
        kept.Message.GetText().Should().Be("one");
    }

    [Theory(Timeout = HangTimeout)]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Receive_WhileAnotherWaits_IsRefusedAndTheFirstGoesOn(bool toServer)
    {
        var (sender, receiver) = await OpenWayAsync(toServer);
        var first = receiver.ReceiveAsync(Token).AsTask();
        await receiver.Invoking(channel => channel.ReceiveAsync(Token).AsTask()).Should().ThrowAsync<InvalidOperationException>();
        receiver.Invoking(channel => channel.TryReceive(out _)).Should().Throw<InvalidOperationException>();
        await sender.SendAsync("for the first"u8.ToArray(), Token);
        (await first)!.Value.GetText().Should().Be("for the first");
    }

    [Theory(Timeout = HangTimeout)]
    [InlineData(true)]
    [InlineData(false)]
    public async Task TryReceive_AfterABatch_DrainsWhatCameAndKeepsOrder(bool toServer)
    {
        var (sender, receiver) = await OpenWayAsync(toServer);
        for (var wave = 0; wave < 200; wave++)
        {
            await sender.SendAsync(Enumerable.Range(0, 30).Select(Number).ToArray(), Token);
            for (var expected = 0; expected < 30;)
            {
                var message = (await receiver.ReceiveAsync(Token))!.Value;
                do
                {
                    BinaryPrimitives.ReadInt32BigEndian(message.Payload.FirstSpan).Should().Be(expected++);
                }
                while (receiver.TryReceive(out message));
            }
        }
    }

    [Theory(Timeout = HangTimeout)]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Send_PiecesAndNothingAndMemoryUsedAgain_ArriveAsTheyWere(bool toServer)
    {
        var (sender, receiver) = await OpenWayAsync(toServer);
        await sender.SendAsync(ReadOnlyMemory<Message>.Empty, Token);
        await sender.SendAsync(new Message(InPieces("pie"u8, "ces"u8)), Token);
        (await receiver.ReceiveAsync(Token))!.Value.GetText().Should().Be("pieces");
        var memory = new byte[8];
        for (byte i = 0; i < 100; i++)
        {
            memory.AsSpan().Fill(i);
            await sender.SendAsync(memory, Token);
        }

        for (byte i = 0; i < 100; i++)
        {
            (await receiver.ReceiveAsync(Token))!.Value.ToArray().Should().HaveCount(8).And.OnlyContain(value => value == i);
        }
    }

    [Theory(Timeout = HangTimeout)]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Send_OfALentMessage_CopiesItInTime(bool toServer)
    {
        var (sender, receiver) = await OpenWayAsync(toServer);
        for (var i = 0; i < 300; i++)
        {
            await sender.SendAsync(Number(i), Token);
            await receiver.SendAsync((await receiver.ReceiveAsync(Token))!.Value, Token);
            BinaryPrimitives.ReadInt32BigEndian((await sender.ReceiveAsync(Token))!.Value.Payload.FirstSpan).Should().Be(i);
        }
    }

    [Theory(Timeout = HangTimeout)]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Send_ManySendersAtOnce_EachKeepsItsOrderAndBatchesStayTogether(bool toServer)
    {
        const int Senders = 8;
        const int Batches = 20;
        const int Length = 5;
        var (sender, receiver) = await OpenWayAsync(toServer);
        var sending = Enumerable.Range(0, Senders).Select(s => Task.Run(
            async () =>
            {
                for (var b = 0; b < Batches; b++)
                {
                    await sender.SendAsync(Enumerable.Range(b * Length, Length).Select(i => Number((s << 16) + i)).ToArray(), Token);
                }
            },
            Token)).ToArray();
        var next = new int[Senders];
        for (var batch = 0; batch < Senders * Batches; batch++)
        {
            var of = -1;
            for (var i = 0; i < Length; i++)
            {
                var number = BinaryPrimitives.ReadInt32BigEndian((await receiver.ReceiveAsync(Token))!.Value.Payload.FirstSpan);
                of = i == 0 ? number >> 16 : of;
                number.Should().Be((of << 16) + next[of]++);
            }
        }

        await Task.WhenAll(sending);
    }

    [Fact(Timeout = HangTimeout)]
    public async Task Accept_CancelledAndThenStopped_NextGetsThePeerAndTheLastGetsNull()
    {
        var listener = await ListenAsync();
        using var cancel = new CancellationTokenSource();
        var cancelled = listener.AcceptAsync(cancel.Token).AsTask();
        await cancel.CancelAsync();
        await this.Invoking(_ => cancelled).Should().ThrowAsync<OperationCanceledException>();
        await OpenAsync(listener);
        var waiting = listener.AcceptAsync(Token).AsTask();
        await listener.StopAcceptingAsync(Token);
        (await waiting).Should().BeNull();
    }

    [Fact(Timeout = HangTimeout)]
    public async Task Call_TokenCancelledBefore_DoesNothing()
    {
        var (client, server) = await OpenWayAsync(toServer: true);
        var cancelled = new CancellationToken(canceled: true);
        await client.Invoking(channel => channel.SendAsync(new byte[1], cancelled).AsTask()).Should().ThrowAsync<OperationCanceledException>();
        await server.Invoking(channel => channel.ReceiveAsync(cancelled).AsTask()).Should().ThrowAsync<OperationCanceledException>();
        await client.SendAsync("next"u8.ToArray(), Token);
        (await server.ReceiveAsync(Token))!.Value.GetText().Should().Be("next");
        await client.FlushAsync(Token);
        client.GetFeature<IUdpStatisticsFeature>()!.DatagramsSent.Should().Be(2);
    }

    [Fact(Timeout = HangTimeout)]
    public async Task ConnectAndClose_ManyTimes_LeavesNoBufferAndNoSocket()
    {
        var sockets = Sockets();
        await using (var listener = await new UdpTransport(Options()).ListenAsync(new Uri("udp://127.0.0.1:0"), Token))
        {
            for (var i = 0; i < 300; i++)
            {
                await using var client = await new UdpTransport(Options()).ConnectAsync(listener.LocalAddress, Token);
                await client.SendAsync(new byte[100], Token);
                await using var server = (await listener.AcceptAsync(Token))!;
                await server.ReceiveAsync(Token);

                // One ends with a read under way, one with a message lent, and one with one that was never received.
                using var giveUp = new CancellationTokenSource();
                var reading = client.ReceiveAsync(giveUp.Token).AsTask();
                await giveUp.CancelAsync();
                await this.Invoking(_ => reading).Should().ThrowAsync<OperationCanceledException>();
                await server.SendAsync(new byte[50], Token);
                await client.SendAsync(new byte[100], Token);

                // One that came after the end would open another channel.
                await UntilAsync(() => server.GetFeature<IUdpStatisticsFeature>()!.DatagramsReceived == 2);
            }

            ((IUdpListenerStatisticsFeature)listener).PeersAccepted.Should().Be(300);
        }

        await _pool.AssertNoLeaksAsync();

        // Other tests run at the same time and open their own; 300 or 600 left behind would be more than all of theirs.
        (Sockets() - sockets).Should().BeLessThan(200);
    }

    private static int Sockets() => OperatingSystem.IsLinux() ? Directory.GetFiles("/proc/self/fd").Length : 0;

    private static Message Number(int number)
    {
        var payload = new byte[20];
        BinaryPrimitives.WriteInt32BigEndian(payload, number);
        return payload;
    }

    private static ReadOnlySequence<byte> InPieces(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second)
    {
        var start = new Piece(first.ToArray(), null);
        var end = new Piece(second.ToArray(), start);
        return new ReadOnlySequence<byte>(start, 0, end, second.Length);
    }

    private UdpTransportOptions Options() => new() { BufferPool = _pool, LimitAmplification = false, PeerQueueSize = 1024 * 1024 };

    private async Task<(IMessageChannel Sender, IMessageChannel Receiver)> OpenWayAsync(bool toServer)
    {
        var (client, server) = await OpenAsync(await ListenAsync(Options()), Options());
        return toServer ? (client, server) : (server, client);
    }

    private sealed class Piece : ReadOnlySequenceSegment<byte>
    {
        public Piece(byte[] memory, Piece? before)
        {
            Memory = memory;
            RunningIndex = before is null ? 0 : before.Memory.Length;
            if (before is not null)
            {
                before.Next = this;
            }
        }
    }
}
