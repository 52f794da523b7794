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

// The last one is sent until it arrives; where order is kept on the way, nothing before it is still under way then.
const int End = int.MaxValue;

// Fits the socket's buffer, whose size the machine may limit to 208 KiB, with the kernel's overhead for each.
const int RoundLength = 100;
var paced = address.Query.Contains("paced=on", StringComparison.Ordinal);
var rounds = new RoundCounter();
var receiving = Task.Run(() => ReceiveAsync(listener, rounds, patience.Token));
var message = new byte[size];
for (var i = 0; i < count; i++)
{
    BinaryPrimitives.WriteInt32BigEndian(message, i);
    await client.SendAsync(message, patience.Token);
    if (paced && i % RoundLength == RoundLength - 1)
    {
        // A negative number is a round's, and sent until it arrives.
        var round = (i / RoundLength) + 1;
        BinaryPrimitives.WriteInt32BigEndian(message, -round);
        do
        {
            await client.SendAsync(message, patience.Token);
        }
        while (!await rounds.WaitAsync(round, TimeSpan.FromMilliseconds(20)));
    }
}

BinaryPrimitives.WriteInt32BigEndian(message, End);
do
{
    await client.SendAsync(message, patience.Token);
}
while (!client.Characteristics.IsReliable && await Task.WhenAny(receiving, Task.Delay(100, patience.Token)) != receiving);

await client.FlushAsync(patience.Token);
var (server, report) = await receiving;
await using (server)
{
    if (client.GetFeature<IUdpStatistics>() is { } sender && server.GetFeature<IUdpStatistics>() is { } receiver)
    {
        report = report with
        {
            Sent = sender.DatagramsSent,
            Received = receiver.DatagramsReceived,
            DroppedByKernel = receiver.DroppedByKernel,
            Dropped = sender.DroppedUnsent + receiver.DroppedQueueFull + receiver.DroppedTooLarge + receiver.DroppedByKernel,
        };
    }

    Console.WriteLine(JsonSerializer.Serialize(report));
}

static async Task<(IMessageChannel Server, ProbeReport Report)> ReceiveAsync(IMessageListener listener, RoundCounter rounds, CancellationToken cancellationToken)
{
    var server = await listener.AcceptAsync(cancellationToken) ?? throw new InvalidOperationException("The listener stopped.");
    var report = new ProbeReport();
    var seen = new HashSet<int>();
    var last = -1;
    while (true)
    {
        var received = await server.ReceiveAsync(cancellationToken) ?? throw new EndOfStreamException("The sender ended early.");
        var number = BinaryPrimitives.ReadInt32BigEndian(received.Payload.FirstSpan);
        if (number == End)
        {
            return (server, report with { Distinct = seen.Count });
        }

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
