using System.Diagnostics;

namespace Compare.Measuring;

/// <summary>64 bytes there and back, one after the other.</summary>
internal static class RoundTrips
{
    private const int PayloadSize = 64;

    // How long one answer may take on a transport that may lose it, before the next message is sent.
    private static readonly TimeSpan s_lostAfter = TimeSpan.FromMilliseconds(100);

    /// <summary>Measures for some time.</summary>
    /// <param name="pair">The channel.</param>
    /// <param name="duration">How long.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>Each round trip's time, sorted.</returns>
    public static async Task<TimeSpan[]> MeasureAsync(ChannelPair pair, TimeSpan duration, CancellationToken cancellationToken)
    {
        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var echoing = Task.Run(() => EchoAsync(pair, stopping.Token), cancellationToken);
        try
        {
            var times = new List<TimeSpan>(200_000);
            var payload = new byte[PayloadSize];
            var start = Stopwatch.GetTimestamp();
            while (Stopwatch.GetElapsedTime(start) < duration)
            {
                var sent = Stopwatch.GetTimestamp();
                await pair.Client.SendAsync(payload, cancellationToken);
                if (await AnsweredAsync(pair, cancellationToken))
                {
                    times.Add(Stopwatch.GetElapsedTime(sent));
                }
            }

            times.Sort();
            return [.. times];
        }
        finally
        {
            await stopping.CancelAsync();
            await echoing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Sends a number of lone messages there and back.</summary>
    /// <param name="pair">The channel.</param>
    /// <param name="count">How many.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public static async Task RunAsync(ChannelPair pair, int count, CancellationToken cancellationToken)
    {
        var payload = new byte[PayloadSize];
        for (var i = 0; i < count; i++)
        {
            await pair.Client.SendAsync(payload, cancellationToken);
            var there = await pair.Server.ReceiveAsync(cancellationToken) ?? throw new EndOfStreamException();
            await pair.Server.SendAsync(there, cancellationToken);
            _ = await pair.Client.ReceiveAsync(cancellationToken) ?? throw new EndOfStreamException();
        }
    }

    private static async Task<bool> AnsweredAsync(ChannelPair pair, CancellationToken cancellationToken)
    {
        if (pair.Client.Characteristics.IsReliable)
        {
            return await pair.Client.ReceiveAsync(cancellationToken) is not null ? true : throw new EndOfStreamException();
        }

        using var waiting = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        waiting.CancelAfter(s_lostAfter);
        try
        {
            return await pair.Client.ReceiveAsync(waiting.Token) is not null;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return false;
        }
    }

    private static async Task EchoAsync(ChannelPair pair, CancellationToken cancellationToken)
    {
        while (await pair.Server.ReceiveAsync(cancellationToken) is { } message)
        {
            await pair.Server.SendAsync(message, cancellationToken);
        }
    }
}
