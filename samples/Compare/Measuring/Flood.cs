using System.Diagnostics;
using Transports;

namespace Compare.Measuring;

/// <summary>Messages one way, as fast as they go.</summary>
internal static class Flood
{
    // Once the sender is done and nothing has come for this long, what is missing was lost.
    private static readonly TimeSpan s_quiet = TimeSpan.FromMilliseconds(200);

    /// <summary>Sends for some time and counts what arrives.</summary>
    /// <param name="pair">The channel.</param>
    /// <param name="payloadSize">The size of each message.</param>
    /// <param name="duration">How long to send.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>Messages received a second.</returns>
    public static async Task<double> MeasureAsync(ChannelPair pair, int payloadSize, TimeSpan duration, CancellationToken cancellationToken)
    {
        var (received, elapsed, _) = await RunAsync(pair, payloadSize, duration, cancellationToken);
        return received / elapsed.TotalSeconds;
    }

    /// <summary>What a message costs in memory, both ends together: what a longer run allocates more than a shorter one, so that the runs' own cost drops out.</summary>
    /// <param name="pair">The channel.</param>
    /// <param name="payloadSize">The size of each message.</param>
    /// <param name="duration">How long to send.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public static async Task<double> MeasureAllocationAsync(ChannelPair pair, int payloadSize, TimeSpan duration, CancellationToken cancellationToken)
    {
        var shorter = await RunAsync(pair, payloadSize, duration / 4, cancellationToken);
        var longer = await RunAsync(pair, payloadSize, duration, cancellationToken);
        var messages = longer.Received - shorter.Received;
        return messages <= 0 ? 0 : Math.Max(0, longer.Allocated - shorter.Allocated) / (double)messages;
    }

    private static async Task<(long Received, TimeSpan Elapsed, long Allocated)> RunAsync(
        ChannelPair pair, int payloadSize, TimeSpan duration, CancellationToken cancellationToken)
    {
        var allocated = GC.GetTotalAllocatedBytes(precise: true);
        var start = Stopwatch.GetTimestamp();
        var progress = new Progress();
        using var lost = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var receiving = Task.Run(() => ReceiveAsync(pair.Server, progress, lost.Token), cancellationToken);
        await Task.Run(() => SendAsync(pair.Client, payloadSize, start, duration, progress, cancellationToken), cancellationToken);
        if (pair.Client.Characteristics.IsReliable)
        {
            // A last message of another size says that the sender is done.
            await pair.Client.SendAsync(new byte[1], cancellationToken);
        }
        else
        {
            while (await NewsAsync(progress, receiving))
            {
            }

            await lost.CancelAsync();
        }

        await receiving;
        var elapsed = TimeSpan.FromSeconds((progress.LastArrival - start) / (double)Stopwatch.Frequency);
        return (progress.Received, elapsed, GC.GetTotalAllocatedBytes(precise: true) - allocated);
    }

    private static async Task<bool> NewsAsync(Progress progress, Task receiving)
    {
        var before = Interlocked.Read(ref progress.Received);
        await Task.WhenAny(receiving, Task.Delay(s_quiet));
        return Interlocked.Read(ref progress.Received) != before;
    }

    private static async Task SendAsync(
        IMessageChannel channel, int payloadSize, long start, TimeSpan duration, Progress progress, CancellationToken cancellationToken)
    {
        var payload = new byte[payloadSize];
        long sent = 0;
        do
        {
            // Some messages between looks at the clock.
            for (var i = 0; i < 16; i++)
            {
                await channel.SendAsync(payload, cancellationToken);
                sent++;
            }
        }
        while (Stopwatch.GetElapsedTime(start) < duration);
        Interlocked.Exchange(ref progress.Sent, sent);
    }

    private static async Task ReceiveAsync(IMessageChannel channel, Progress progress, CancellationToken cancellationToken)
    {
        try
        {
            while (true)
            {
                var message = await channel.ReceiveAsync(cancellationToken) ?? throw new EndOfStreamException();
                do
                {
                    if (message.Length == 1)
                    {
                        var sent = Interlocked.Read(ref progress.Sent);
                        if (progress.Received != sent)
                        {
                            throw new Data.VerificationException($"{progress.Received} of {sent} messages arrived.");
                        }

                        progress.LastArrival = Stopwatch.GetTimestamp();
                        return;
                    }

                    progress.Received++;
                }
                while (channel.TryReceive(out message));
                progress.LastArrival = Stopwatch.GetTimestamp();
            }
        }
        catch (OperationCanceledException) when (!channel.Characteristics.IsReliable)
        {
            return;
        }
    }

    // Written by the receiver alone, but for what was sent.
    private sealed class Progress
    {
        public long Received;
        public long Sent;
        public long LastArrival;
    }
}
