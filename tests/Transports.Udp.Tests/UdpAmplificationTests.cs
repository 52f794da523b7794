using System.Net.Sockets;

namespace Transports.Udp.Tests;

/// <summary>A peer that has not answered is sent no more than it sent.</summary>
public sealed class UdpAmplificationTests : UdpFixture
{
    [Fact(Timeout = HangTimeout)]
    public async Task Send_MoreThanWasHeard_IsRefusedAndNothingIsSent()
    {
        var listener = await ListenAsync();
        var (_, server) = await OpenAsync(listener);
        var counted = server.GetFeature<IUdpStatisticsFeature>()!;
        var refused = await server.Invoking(channel => channel.SendAsync(new byte[6], Token).AsTask()).Should().ThrowAsync<UdpAmplificationLimitException>();
        refused.Which.Size.Should().Be(6 + 28);
        refused.Which.Allowance.Should().Be(5 + 28);
        await server.Invoking(channel => channel.SendAsync(new Message[] { new byte[0], new byte[0] }, Token).AsTask())
            .Should().ThrowAsync<UdpAmplificationLimitException>("each datagram costs headers too");
        counted.RefusedByAmplificationLimit.Should().Be(2);
        counted.DatagramsSent.Should().Be(0);
        server.Closed.IsCompleted.Should().BeFalse();
    }

    [Fact(Timeout = HangTimeout)]
    public async Task Send_AsMuchAsWasHeard_IsSent()
    {
        var listener = await ListenAsync();
        var (client, server) = await OpenAsync(listener);
        await server.SendAsync("reply"u8.ToArray(), Token);
        (await client.ReceiveAsync(Token))!.Value.GetText().Should().Be("reply");
        await server.Invoking(channel => channel.SendAsync(new byte[0], Token).AsTask()).Should().ThrowAsync<UdpAmplificationLimitException>();
    }

    [Fact(Timeout = HangTimeout)]
    public async Task Send_AfterTheAnswer_IsNotLimited()
    {
        var listener = await ListenAsync();
        var (client, server) = await OpenAsync(listener);
        await server.SendAsync("reply"u8.ToArray(), Token);
        await client.ReceiveAsync(Token);
        await client.SendAsync(Array.Empty<byte>(), Token);
        await server.ReceiveAsync(Token);
        await server.SendAsync(new byte[1200], Token);
        (await client.ReceiveAsync(Token))!.Value.Length.Should().Be(1200);
    }

    [Fact(Timeout = HangTimeout)]
    public async Task Send_HeardAgainBeforeAnythingWasSent_IsStillLimited()
    {
        var listener = await ListenAsync();
        var (client, server) = await OpenAsync(listener);
        await client.SendAsync("second"u8.ToArray(), Token);
        await server.ReceiveAsync(Token);
        var refused = await server.Invoking(channel => channel.SendAsync(new byte[1200], Token).AsTask()).Should().ThrowAsync<UdpAmplificationLimitException>();
        refused.Which.Allowance.Should().Be(5 + 6 + (2 * 28));
    }

    [Fact(Timeout = HangTimeout)]
    public async Task Send_LimitSwitchedOff_IsNotLimited()
    {
        var listener = await ListenAsync(new UdpTransportOptions { LimitAmplification = false });
        var (client, server) = await OpenAsync(listener);
        await server.SendAsync(new byte[1200], Token);
        (await client.ReceiveAsync(Token))!.Value.Length.Should().Be(1200);
    }
}
