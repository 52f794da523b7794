using static Transports.Tcp.Tests.Net;

namespace Transports.Tcp.Tests;

public sealed class StressTests
{
    private const int Connections = 6;
    private const int Messages = 500;

    [Theory]
    [InlineData("tcp", 1024)]
    [InlineData("tcp", 64 * 1024)]
    [InlineData("tls", 1024)]
    [InlineData("unix", 1024)]
    public async Task Echo_RandomSizesAndCancellations_OrderedWholeAndNothingInvented(string scheme, int sendBufferSize)
    {
        var options = Options(options =>
        {
            options.SendBufferSize = sendBufferSize;
            options.ReceiveBufferSize = 4096;
        });
        var transport = new TcpTransport(options);
        await using var listener = await transport.ListenAsync(ListenAddress(scheme), Token);
        var work = new List<Task>();
        for (var i = 0; i < Connections; i++)
        {
            var client = await transport.ConnectAsync(listener.LocalAddress, Token);
            var server = (await listener.AcceptAsync(Token))!;
            work.Add(EchoAsync(server, Token));
            work.Add(RunClientAsync(client, seed: i));
        }

        await Task.WhenAll(work);
    }

    private static async Task RunClientAsync(IMessageChannel channel, int seed)
    {
        var bound = Token;
        var accepted = 0;
        var sending = Task.Run(() => SendAllAsync(channel, seed, sent => accepted = sent));
        var expected = 0;
        var random = new Random(seed + 1000);
        while (true)
        {
            Message? received;
            try
            {
                var cancel = MaybeCancelled(random);
                received = await channel.ReceiveAsync(cancel?.Token ?? bound);
            }
            catch (OperationCanceledException)
            {
                continue;
            }

            if (received is not { } message)
            {
                break;
            }

            // The number says which message it is, and the rest of its bytes follow from that.
            var bytes = message.ToArray();
            BitConverter.ToInt32(bytes).Should().Be(expected++);
            bytes.AsSpan(4).IndexOfAnyExcept((byte)BitConverter.ToInt32(bytes)).Should().Be(-1);
        }

        await sending;
        expected.Should().Be(accepted);
        await channel.DisposeAsync();
    }

    private static async Task SendAllAsync(IMessageChannel channel, int seed, Action<int> done)
    {
        var bound = Token;
        var random = new Random(seed);
        var number = 0;
        for (var i = 0; i < Messages; i++)
        {
            var payload = new byte[4 + (random.Next(20) == 0 ? random.Next(20_000) : random.Next(200))];
            payload.AsSpan(4).Fill((byte)number);
            BitConverter.TryWriteBytes(payload, number);
            try
            {
                var cancel = MaybeCancelled(random);
                await channel.SendAsync(payload, cancel?.Token ?? bound);
                number++;
            }
            catch (OperationCanceledException)
            {
                // Not sent, so its number is free.
            }
        }

        done(number);
        await channel.CompleteSendingAsync(Token);
    }

    private static CancellationTokenSource? MaybeCancelled(Random random)
    {
        if (random.Next(3) != 0)
        {
            return null;
        }

        // Cancelled from another thread at some moment; not disposed, as that thread may come late, and it holds no timer.
        var source = new CancellationTokenSource();
        ThreadPool.UnsafeQueueUserWorkItem(static source => source.Cancel(), source, preferLocal: false);
        return source;
    }
}
