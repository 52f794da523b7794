namespace Transports.Tests;

public sealed class TcpChannelTests
{
    [Theory]
    [InlineData("tcp://localhost:0")]
    [InlineData("tcp://127.0.0.1:0")]
    [InlineData("tcp://[::1]:0")]
    [InlineData("tcp://[::]:0")]
    public async Task Connect_AnyListeningAddress_CarriesMessages(string address)
    {
        var transport = new TcpTransport();
        await using var listener = await transport.ListenAsync(new Uri(address), TestContext.Current.CancellationToken);
        await using var client = await transport.ConnectAsync(listener.LocalAddress, TestContext.Current.CancellationToken);
        await using var server = (await listener.AcceptAsync(TestContext.Current.CancellationToken))!;
        await client.SendAsync(new byte[] { 1, 2, 3 }, TestContext.Current.CancellationToken);
        (await server.ReceiveAsync(TestContext.Current.CancellationToken))!.Value.ToArray().Should().Equal(1, 2, 3);
        listener.LocalAddress.Port.Should().BePositive();
    }
}
