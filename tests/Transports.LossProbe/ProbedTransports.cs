namespace Transports.LossProbe;

/// <summary>The transports that can be probed.</summary>
internal static class ProbedTransports
{
    public static IMessageChannelFactory CreateFactory(Uri address) => new MessageChannelFactory(
    [
        new QuicTransport(QuicTestCertificate.Use(new QuicTransportOptions())),
        new TcpTransport(),
        new UdpTransport(new UdpTransportOptions
        {
            EnableBatching = !address.Query.Contains("batching=off", StringComparison.Ordinal),
            EnableReceiveOffload = !address.Query.Contains("offload=off", StringComparison.Ordinal),
        }),
    ]);
}
