using System.Net.Sockets;
using System.Reflection;
using CustomTransport;
using Microsoft.Extensions.DependencyInjection;
using Transports.Testing;

namespace Transports.CustomTransport.Tests;

/// <summary>What the sample adds to what the suite asks of every transport.</summary>
public sealed class CustomTransportTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("transports-").FullName;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task Program_SelfTest_EndsWithZero()
    {
        var main = typeof(LoopTransport).Assembly.EntryPoint!;

        var code = main.Invoke(null, [new[] { "--self-test" }]);

        (code is Task<int> task ? await task : (int)code!).Should().Be(0);
    }

    [Theory]
    [InlineData("loop://localhost:1", "AddLoop()")]
    [InlineData("packet:///tmp/a.sock", "AddPackets()")]
    public async Task ConnectAndListen_NotRegistered_NameTheCallThatThePackageAnnounces(string address, string call)
    {
        await using var provider = new ServiceCollection().AddTransports().Services.BuildServiceProvider();
        var factory = provider.GetRequiredService<IMessageChannelFactory>();

        var connecting = async () => await factory.ConnectAsync(new Uri(address), Token);
        var listening = async () => await factory.ListenAsync(new Uri(address), Token);

        var expected = $"*Add it with services.AddTransports().{call} from the package CustomTransport.";
        (await connecting.Should().ThrowAsync<NotSupportedException>()).WithMessage(expected);
        (await listening.Should().ThrowAsync<NotSupportedException>()).WithMessage(expected);
    }

    [Fact]
    public async Task PacketSend_BatchLargerThanOneWrite_TearsNoPacket()
    {
        var transport = Packets();
        await using var listener = await transport.ListenAsync(new Uri($"packet://{_directory}/a"), Token);
        var accepting = listener.AcceptAsync(Token);
        await using var client = await transport.ConnectAsync(listener.LocalAddress, Token);
        await using var server = await accepting;
        var batch = Enumerable.Range(0, 100).Select(static i => (Message)Enumerable.Repeat((byte)i, 7001).ToArray()).ToArray();

        var sending = client.SendAsync(batch, Token);

        foreach (var message in batch)
        {
            (await server!.ReceiveAsync(Token))!.Value.ToArray().Should().Equal(message.ToArray());
        }

        await sending;
    }

    [Fact]
    public async Task PacketStopAccepting_WhileAPeerWaits_TellsItGoingAway()
    {
        var transport = Packets();
        await using var listener = await transport.ListenAsync(new Uri($"packet://{_directory}/b"), Token);
        await using var client = await transport.ConnectAsync(listener.LocalAddress, Token);

        await listener.StopAcceptingAsync(Token);

        (await client.ReceiveAsync(Token)).Should().BeNull();
        (await client.Closed.WaitAsync(Token)).Status.Should().Be(ChannelCloseStatus.GoingAway);
    }

    [Theory]
    [InlineData(new byte[] { 9, 1 })]
    [InlineData(new byte[] { 3 })]
    [InlineData(new byte[] { 3, 200 })]
    public async Task PacketReceive_UnknownPacket_IsAProtocolErrorBehindWhatArrived(byte[] packet)
    {
        await using var listener = await Packets().ListenAsync(new Uri($"packet://{_directory}/c"), Token);
        using var peer = new Socket(AddressFamily.Unix, SocketType.Seqpacket, ProtocolType.Unspecified);
        await peer.ConnectAsync(new UnixDomainSocketEndPoint($"{_directory}/c"), Token);
        await using var channel = await listener.AcceptAsync(Token);
        await peer.SendAsync("\0hello"u8.ToArray(), Token);
        await peer.SendAsync(packet, Token);

        (await channel!.ReceiveAsync(Token))!.Value.GetText().Should().Be("hello");
        var receiving = async () => await channel.ReceiveAsync(Token);

        await receiving.Should().ThrowAsync<MessageFramingException>();
        (await channel.Closed.WaitAsync(Token)).Status.Should().Be(ChannelCloseStatus.ProtocolError);
    }

    [Fact]
    public async Task PacketReceive_PeerEndsWithoutAGoodbye_IsConnectionLost()
    {
        await using var listener = await Packets().ListenAsync(new Uri($"packet://{_directory}/d"), Token);
        var peer = new Socket(AddressFamily.Unix, SocketType.Seqpacket, ProtocolType.Unspecified);
        await peer.ConnectAsync(new UnixDomainSocketEndPoint($"{_directory}/d"), Token);
        await using var channel = await listener.AcceptAsync(Token);
        peer.Dispose();

        (await channel!.Closed.WaitAsync(Token)).Status.Should().Be(ChannelCloseStatus.ConnectionLost);
    }

    private static PacketTransport Packets()
    {
        Requirement.SkipUnless(OperatingSystem.IsLinux(), "packet", "Unix domain sockets of the type SOCK_SEQPACKET are Linux's.");
        return new PacketTransport();
    }
}
