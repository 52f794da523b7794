namespace Transports.Conformance.Tests;

public class UdpConformanceTests : TransportConformanceTests
{
    /// <summary>With the batched system calls of Linux, or as everywhere else.</summary>
    protected virtual bool EnableBatching => true;

    protected override ITransport CreateTransport(ConformanceOptions options)
    {
        var udp = options.ApplyTo(new UdpTransportOptions
        {
            EnableBatching = EnableBatching,

            // The suite's servers say more than they have heard; Transports.Udp.Tests is about the allowance.
            LimitAmplification = false,
            PeerQueueSize = 1024 * 1024,
        });
        udp.MaxMessageSize = Math.Min(udp.MaxMessageSize, UdpTransportOptions.MaxDatagramSize);
        return new UdpTransport(udp);
    }

    protected override Uri CreateListenAddress() => new("udp://localhost:0");
}
