namespace Transports.Conformance.Tests;

/// <summary>What becomes of sends that wait for room when sending ends, with a connection whose every write the test lets go.</summary>
public sealed class SendsAtTheEndTests
{
    private const int Size = 1000;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact(Timeout = 30_000)]
    public async Task CompleteSending_SendsWaitForRoom_AllAreWrittenBeforeTheEnd()
    {
        var connection = new SteppedByteConnection();
        await using var channel = Open(connection);
        var sends = SendMany(channel);
        var completing = channel.CompleteSendingAsync(Token).AsTask();
        await connection.LetGoUntilAsync(completing);
        await Task.WhenAll(sends);
        connection.BytesBeforeTheEnd.Should().Be(sends.Length * (Size + 4));
        connection.Finish();
    }

    [Fact(Timeout = 30_000)]
    public async Task Close_SendsWaitForRoom_ExactlyTheCompletedOnesAreWritten()
    {
        var connection = new SteppedByteConnection();
        await using var channel = Open(connection);
        var sends = SendMany(channel);
        var closing = channel.CloseAsync(cancellationToken: Token).AsTask();
        await connection.LetGoUntilAsync(closing);
        await Task.WhenAll(sends).ContinueWith(static _ => { }, TaskScheduler.Default);
        var completed = sends.Count(static send => send.IsCompletedSuccessfully);
        sends.Where(static send => send.IsFaulted).Should().OnlyContain(static send => send.Exception!.InnerException is MessageChannelClosedException);
        connection.BytesBeforeTheEnd.Should().Be(completed * (Size + 4));
        connection.Finish();
    }

    [Fact(Timeout = 30_000)]
    public async Task Receive_ReadThrowsAtOnce_EndsTheChannelAndGivesTheBufferBack()
    {
        var pool = new LeakTrackingArrayPool();
        var connection = new SteppedByteConnection { ReadError = new ObjectDisposedException("socket") };
        var channel = Open(connection, pool);
        var receiving = async () => await channel.ReceiveAsync(Token);
        (await receiving.Should().ThrowAsync<MessageChannelClosedException>()).Which.CloseInfo.Status.Should().Be(ChannelCloseStatus.ConnectionLost);
        await channel.DisposeAsync();
        await pool.AssertNoLeaksAsync();
        await connection.Disposed.WaitAsync(Token);
    }

    private static FramedMessageChannel Open(ByteConnection connection, LeakTrackingArrayPool? pool = null)
    {
        var options = new MessageChannelOptions { SendBufferSize = 1024 };
        if (pool is not null)
        {
            options.BufferPool = pool;
        }

        return new FramedMessageChannel(connection, LengthPrefixedFraming.Default, new MessageChannelContext
        {
            TransportName = "stepped",
            Side = ChannelSide.Client,
            Options = options,
            Characteristics = new ChannelCharacteristics { IsReliable = true, IsOrdered = true, SupportsHalfClose = true },
        });
    }

    // The first is being written, the second fills the buffer, the others wait.
    private static Task[] SendMany(FramedMessageChannel channel)
        => [.. Enumerable.Range(0, 10).Select(_ => channel.SendAsync(new byte[Size], Token).AsTask())];
}
