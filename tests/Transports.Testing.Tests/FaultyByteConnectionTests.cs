namespace Transports.Testing.Tests;

public sealed class FaultyByteConnectionTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory(Timeout = 30_000)]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(100)]
    public async Task Read_SmallPieces_DeliversAllBytesInOrder(int most)
    {
        var (writer, inner) = Wire.Create();
        await using var faulty = new FaultyByteConnection(inner, new ConnectionFaultOptions { Seed = 5, MaxReadSize = most });
        var bytes = Enumerable.Range(0, 500).Select(static i => (byte)i).ToArray();
        await writer.WriteAsync(bytes);
        await writer.CompleteWritesAsync(null);
        var read = new List<byte>();
        var buffer = new byte[64];
        while (await faulty.ReadAsync(buffer) is > 0 and var count)
        {
            count.Should().BeLessThanOrEqualTo(most);
            read.AddRange(buffer[..count]);
        }

        read.Should().Equal(bytes);
        await writer.DisposeAsync();
    }

    [Fact(Timeout = 30_000)]
    public async Task Read_EndInsideAFrame_IsAProtocolErrorOfTheChannel()
    {
        // The first message is 4 + 5 bytes; the end comes one byte before the second one's.
        var (first, second) = Wire.CreateChannels(connection => new FaultyByteConnection(connection, new ConnectionFaultOptions { EndAfterBytesRead = 17 }));
        await using (first)
        await using (second)
        {
            await first.SendAsync("whole"u8.ToArray(), Token);
            await first.SendAsync("tornX"u8.ToArray(), Token);
            (await second.ReceiveAsync(Token))!.Value.GetText().Should().Be("whole");
            var receiving = async () => await second.ReceiveAsync(Token);
            await receiving.Should().ThrowAsync<MessageFramingException>();
            (await second.Closed).Status.Should().Be(ChannelCloseStatus.ProtocolError);
        }
    }

    [Fact(Timeout = 30_000)]
    public async Task Write_CutInsideAFrame_IsConnectionLostOnBothSides()
    {
        var (first, second) = Wire.CreateChannels(connection => new FaultyByteConnection(connection, new ConnectionFaultOptions { CutAfterBytesWritten = 12 }));
        await using (first)
        await using (second)
        {
            await second.SendAsync("whole"u8.ToArray(), Token);
            await second.FlushAsync(Token);
            (await first.ReceiveAsync(Token))!.Value.GetText().Should().Be("whole");
            var sending = async () =>
            {
                await second.SendAsync("tornX"u8.ToArray(), Token);
                await second.FlushAsync(Token);
            };
            await sending.Should().ThrowAsync<MessageChannelClosedException>();
            (await second.Closed).Status.Should().Be(ChannelCloseStatus.ConnectionLost);
            var receiving = async () => await first.ReceiveAsync(Token);
            (await receiving.Should().ThrowAsync<MessageChannelClosedException>()).Which.CloseInfo.Status.Should().Be(ChannelCloseStatus.ConnectionLost);
        }
    }

    [Fact(Timeout = 30_000)]
    public async Task Write_SmallPieces_SameSeedSplitsTheSame()
    {
        var runs = new List<List<int>>();
        foreach (var seed in new[] { 3, 3, 4 })
        {
            var recorder = new RecordingByteConnection();
            await using var faulty = new FaultyByteConnection(recorder, new ConnectionFaultOptions { Seed = seed, MaxWriteSize = 10 });
            await faulty.WriteAsync(new byte[200]);
            recorder.Writes.Sum().Should().Be(200);
            recorder.Writes.Should().OnlyContain(size => size >= 1 && size <= 10);
            runs.Add(recorder.Writes);
        }

        runs[0].Should().Equal(runs[1]).And.NotEqual(runs[2]);
    }

    [Fact]
    public void Create_SizeOfZero_IsRefused()
    {
        var creating = () => new FaultyByteConnection(new RecordingByteConnection(), new ConnectionFaultOptions { MaxReadSize = 0 });
        creating.Should().Throw<ArgumentOutOfRangeException>();
    }

    private sealed class RecordingByteConnection : ByteConnection
    {
        public List<int> Writes { get; } = [];

        public override ValueTask<int> ReadAsync(Memory<byte> buffer) => new(0);

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer)
        {
            Writes.Add(buffer.Length);
            return default;
        }

        public override ValueTask CompleteWritesAsync(ChannelCloseInfo? close) => default;

        public override void Abort(ChannelCloseInfo info)
        {
        }

        public override ValueTask DisposeAsync() => default;
    }
}
