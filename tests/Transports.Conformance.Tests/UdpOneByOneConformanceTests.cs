namespace Transports.Conformance.Tests;

public sealed class UdpOneByOneConformanceTests : UdpConformanceTests
{
    protected override bool EnableBatching => false;
}
