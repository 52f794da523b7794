// Sends numbered messages of one size to itself, and prints as JSON what became of them. Tests start it inside a network
// namespace whose loopback loses packets, with: <address> <messages> <size>. An address
// that ends in ?batching=off sends datagrams one by one.
using System.Buffers.Binary;
using System.Globalization;
using System.Text.Json;
using Transports;
using Transports.LossProbe;

var address = new Uri(args[0]);
var count = int.Parse(args[1], CultureInfo.InvariantCulture);
var size = int.Parse(args[2], CultureInfo.InvariantCulture);
using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(2));
var factory = ProbedTransports.CreateFactory(address);
await using var listener = await factory.ListenAsync(new Uri(address.GetLeftPart(UriPartial.Authority)), patience.Token);
await using var client = await factory.ConnectAsync(listener.LocalAddress, patience.Token);

// Fits the socket's buffer, whose size the machine may limit to 208 KiB, with the kernel's overhead for each.
const int RoundLength = 100;
var paced = address.Query.Contains("paced=on", StringComparison.Ordinal);
var rounds = new RoundCounter();
using var finished = CancellationTokenSource.CreateLinkedTokenSource(patience.Token);
var receiving = Task.Run(() => ReceiveAsync(listener, rounds, patience.Token, finished.Token));
var marks = 0;
var message = new byte[size];
for (var i = 0; i < count; i++)
{
    BinaryPrimitives.WriteInt32BigEndian(message, i);
    await client.SendAsync(message, patience.Token);
    if (paced && i % RoundLength == RoundLength - 1)
    {
        await MarkAsync(TimeSpan.FromMilliseconds(20));
    }
}

await MarkAsync(client.Characteristics.IsReliable ? Timeout.InfiniteTimeSpan : TimeSpan.FromMilliseconds(100));
await client.FlushAsync(patience.Token);
await finished.CancelAsync();
var (server, report) = await receiving;
await using (server)
{
    if (client.GetFeature<IUdpStatisticsFeature>() is { } sender && server.GetFeature<IUdpStatisticsFeature>() is { } receiver)
    {
        report = report with
        {
            Sent = sender.DatagramsSent,
            Received = receiver.DatagramsReceived,
            DroppedByKernel = receiver.DroppedByKernel,
            Dropped = sender.SendErrors + receiver.DroppedQueueFull + receiver.DroppedTooLarge + receiver.DroppedByKernel,
        };
    }

    Console.WriteLine(JsonSerializer.Serialize(report));
}

// Sends negative numbers, each another, until the last one sent has arrived. Order is kept on the way, so nothing before it, and no
// mark either, is still under way then: what has not been received by now never will be.
async Task MarkAsync(TimeSpan wait)
{
    while (true)
    {
        BinaryPrimitives.WriteInt32BigEndian(message, -++marks);
        await client.SendAsync(message, patience.Token);
        if (await rounds.WaitAsync(marks, wait, patience.Token))
        {
            return;
        }

        // On a busy machine the way may be longer than the wait; then no mark would ever be the last one sent.
        wait *= 2;
    }
}

static async Task<(IMessageChannel Server, ProbeReport Report)> ReceiveAsync(IMessageListener listener, RoundCounter rounds, CancellationToken cancellationToken, CancellationToken finished)
{
    var server = await listener.AcceptAsync(cancellationToken) ?? throw new InvalidOperationException("The listener stopped.");
    var report = new ProbeReport();
    var seen = new HashSet<int>();
    var last = -1;
    while (true)
    {
        Message received;
        try
        {
            received = await server.ReceiveAsync(finished) ?? throw new EndOfStreamException("The sender ended early.");
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return (server, report with { Distinct = seen.Count });
        }

        var number = BinaryPrimitives.ReadInt32BigEndian(received.Payload.FirstSpan);
        if (number < 0)
        {
            rounds.Reach(-number);
            continue;
        }

        seen.Add(number);
        report = report with { InOrder = report.InOrder && number == last + 1 };
        last = number;
    }
}
