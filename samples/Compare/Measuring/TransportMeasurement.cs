using Compare.Data;
using Compare.Output;
using Compare.Relays;
using Transports;

namespace Compare.Measuring;

/// <summary>Measures one transport: a row of the table.</summary>
/// <param name="transport">The transport.</param>
/// <param name="factory">Opens it.</param>
/// <param name="text">What is sent to see that it arrives.</param>
internal sealed class TransportMeasurement(ComparedTransport transport, IMessageChannelFactory factory, SampleText text)
{
    private const int Handshakes = 20;
    private const int CountedRoundTrips = 200;
    private const int SmallPayload = 64;
    private const int LargePayload = 16 * 1024;

    private static readonly TimeSpan s_warmUp = TimeSpan.FromSeconds(0.3);
    private static readonly TimeSpan s_measure = TimeSpan.FromSeconds(0.6);

    // A transport that hangs must not hang the program.
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    /// <summary>Measures. Never throws, but for a cancelled <paramref name="cancellationToken"/>: what goes wrong is in the row.</summary>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<CompareRow> RunAsync(CancellationToken cancellationToken)
    {
        using var limited = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limited.CancelAfter(s_patience);
        try
        {
            return await MeasureAsync(limited.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return Failed($"not done after {s_patience.TotalSeconds:0} seconds");
        }
        catch (TransportUnavailableException e)
        {
            return new CompareRow { Transport = transport.Name, Available = false, Reason = e.Message };
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            return Failed($"{e.GetType().Name}: {e.Message}");
        }
    }

    private static double Percentile(TimeSpan[] sorted, double share)
        => sorted.Length == 0
            ? throw new VerificationException("no round trip was answered")
            : sorted[Math.Min(sorted.Length - 1, (int)(sorted.Length * share))].TotalMicroseconds;

    private CompareRow Failed(string reason) => new() { Transport = transport.Name, Available = true, Reason = reason };

    private async Task<CompareRow> MeasureAsync(CancellationToken cancellationToken)
    {
        await using var listener = await factory.ListenAsync(transport.ListenAddress(), cancellationToken);
        var handshake = await MeasureHandshakeAsync(listener, cancellationToken);
        var wireBytes = await CountWireBytesAsync(listener, cancellationToken);

        await using var pair = await ChannelPair.OpenAsync(factory, listener, listener.LocalAddress, cancellationToken);
        await TextTransfer.RunJsonAsync(pair, text, cancellationToken);
        await TextTransfer.RunProtobufAsync(pair, text, cancellationToken);

        await RoundTrips.MeasureAsync(pair, s_warmUp, cancellationToken);
        var roundTrips = await RoundTrips.MeasureAsync(pair, s_measure, cancellationToken);

        await Flood.MeasureAsync(pair, SmallPayload, s_warmUp, cancellationToken);
        var small = await Flood.MeasureAsync(pair, SmallPayload, s_measure, cancellationToken);
        var allocated = await Flood.MeasureAllocationAsync(pair, SmallPayload, s_measure, cancellationToken);

        var promises = pair.Client.Characteristics;
        double? large = null;
        if (promises.MaxMessageSize >= LargePayload)
        {
            await Flood.MeasureAsync(pair, LargePayload, s_warmUp, cancellationToken);
            large = await Flood.MeasureAsync(pair, LargePayload, s_measure, cancellationToken) * LargePayload / 1e6;
        }

        return new CompareRow
        {
            Transport = transport.Name,
            Available = true,
            Guarantees = Promises(promises),
            HandshakeMilliseconds = Math.Round(handshake.TotalMilliseconds, 3),
            RoundTripP50Microseconds = Math.Round(Percentile(roundTrips, 0.5), 1),
            RoundTripP99Microseconds = Math.Round(Percentile(roundTrips, 0.99), 1),
            MessagesPerSecond64 = Math.Round(small),
            MegabytesPerSecond16K = large is { } rate ? Math.Round(rate, 1) : null,
            WireBytes64 = wireBytes,
            AllocatedBytesPerMessage = Math.Round(allocated, 2),
            Verified = true,
        };
    }

    private string Promises(ChannelCharacteristics promises) => new([
        promises.IsReliable ? 'R' : '·',
        promises.IsOrdered ? 'O' : '·',
        promises.PreservesMessageBoundaries ? 'B' : '·',
        promises.IsEncrypted ? 'E' : '·',
        transport.IsReachableFromBrowsers ? 'W' : '·',
    ]);

    private async Task<TimeSpan> MeasureHandshakeAsync(IMessageListener listener, CancellationToken cancellationToken)
    {
        var times = new List<TimeSpan>();
        for (var i = 0; i < Handshakes; i++)
        {
            await using var pair = await ChannelPair.OpenAsync(factory, listener, listener.LocalAddress, cancellationToken);
            times.Add(pair.Handshake);
        }

        // The first ones pay for the JIT; half of the runs do not.
        times.Sort();
        return times[times.Count / 2];
    }

    private async Task<double?> CountWireBytesAsync(IMessageListener listener, CancellationToken cancellationToken)
    {
        await using var relay = Relay(listener.LocalAddress);
        if (relay is null)
        {
            return null;
        }

        await using var pair = await ChannelPair.OpenAsync(factory, listener, relay.Address, cancellationToken);
        await RoundTrips.RunAsync(pair, CountedRoundTrips, cancellationToken);
        var before = relay.BytesPassed;
        await RoundTrips.RunAsync(pair, CountedRoundTrips, cancellationToken);
        return Math.Round((relay.BytesPassed - before) / (2.0 * CountedRoundTrips), 1);
    }

    private IRelay? Relay(Uri address) => transport.Wire switch
    {
        Wire.Tcp => StreamRelay.ForTcp(address),
        Wire.Unix => StreamRelay.ForUnix(address),
        Wire.Udp => new DatagramRelay(address),
        _ => null,
    };
}
