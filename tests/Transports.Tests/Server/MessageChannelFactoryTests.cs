using Microsoft.Extensions.DependencyInjection;

namespace Transports.Tests.Server;

public sealed class MessageChannelFactoryTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("tcp://localhost:1", "AddTcp()", "Transports.Tcp")]
    [InlineData("wss://localhost/", "AddWebSockets()", "Transports.WebSockets")]
    [InlineData("grpc+http://localhost/", "AddGrpc()", "Transports.Grpc")]
    public async Task ConnectAsync_UnknownScheme_NamesTheRegisteredOnesAndTheCall(string address, string call, string package)
    {
        await using var provider = new ServiceCollection().AddTransports().Services.BuildServiceProvider();
        var factory = provider.GetRequiredService<IMessageChannelFactory>();

        var act = async () => await factory.ConnectAsync(new Uri(address), Token);

        (await act.Should().ThrowAsync<NotSupportedException>()).Which.Message.Should()
            .Contain("connects to").And.Contain("Registered for that are: mem.").And.Contain(call).And.Contain(package);
    }

    [Theory]
    [InlineData("tls://localhost:1", "AddTcp()", "Transports.Tcp")]
    [InlineData("ws://localhost/", "AddKestrel()", "Transports.AspNetCore")]
    [InlineData("sse+https://localhost/", "AddKestrel()", "Transports.AspNetCore")]
    [InlineData("grpc+http://localhost/", "AddKestrel()", "Transports.AspNetCore")]
    public async Task ListenAsync_UnknownScheme_NamesTheCallThatAddsTheServer(string address, string call, string package)
    {
        await using var provider = new ServiceCollection().AddTransports().Services.BuildServiceProvider();
        var factory = provider.GetRequiredService<IMessageChannelFactory>();

        var act = async () => await factory.ListenAsync(new Uri(address), Token);

        (await act.Should().ThrowAsync<NotSupportedException>()).Which.Message.Should()
            .Contain("listens at").And.Contain(call).And.Contain($"from the package {package}.");
    }

    [Fact]
    public async Task ConnectAndListen_SchemeThatAPackageAnnounces_NameItsCallForEachSide()
    {
        AppContext.SetData("Transports.Schemes.smoke-signal", "AddSmoke() from the package Hill");
        AppContext.SetData("Transports.Schemes.smoke-signal.Listen", "AddLookout() from the package Hill.Top");
        var factory = new MessageChannelFactory([]);

        var connecting = async () => await factory.ConnectAsync(new Uri("Smoke-Signal://hill"), Token);
        var listening = async () => await factory.ListenAsync(new Uri("smoke-signal://hill"), Token);

        (await connecting.Should().ThrowAsync<NotSupportedException>()).WithMessage("*services.AddTransports().AddSmoke() from the package Hill.");
        (await listening.Should().ThrowAsync<NotSupportedException>()).WithMessage("*services.AddTransports().AddLookout() from the package Hill.Top.");
    }

    [Fact]
    public async Task ListenAsync_SchemeNobodyKnows_PointsAtAddTransport()
    {
        var act = async () => await new MessageChannelFactory([]).ListenAsync(new Uri("carrier-pigeon://loft"), Token);

        (await act.Should().ThrowAsync<NotSupportedException>()).WithMessage("*No transport is registered*AddTransport<T>()*");
    }

    [Fact]
    public async Task Use_SeveralDecorations_WrapBothEndsInTheOrderWritten()
    {
        await using var provider = new ServiceCollection()
            .AddTransports()
            .DecorateChannels((channel, _) => new Named(channel, "outer"))
            .DecorateChannels((channel, _) => new Named(channel, "inner"))
            .Services.BuildServiceProvider();
        var factory = provider.GetRequiredService<IMessageChannelFactory>();
        await using var listener = await factory.ListenAsync(new Uri("mem://a"), Token);

        await using var client = await factory.ConnectAsync(new Uri("mem://a"), Token);
        await using var server = await listener.AcceptAsync(Token);

        Names(client).Should().Equal("outer", "inner");
        Names(server!).Should().Equal("outer", "inner");
    }

    private static List<string> Names(IMessageChannel channel)
    {
        var names = new List<string>();
        for (var named = channel as Named; named is not null; named = named.Wrapped as Named)
        {
            names.Add(named.Name);
        }

        return names;
    }

    private sealed class Named(IMessageChannel inner, string name) : DelegatingMessageChannel(inner)
    {
        public string Name => name;

        public IMessageChannel Wrapped => Inner;
    }
}
