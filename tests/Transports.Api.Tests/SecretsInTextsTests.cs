using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Transports.Api.Tests;

/// <summary>No text of any package tells what an address may hold in secret: its password, and its query.</summary>
public sealed class SecretsInTextsTests : IAsyncDisposable
{
    private const string Password = "s3cret";
    private const string QueryToken = "t0ken";

    private readonly TextLog _log = new();
    private readonly List<ITransport> _transports;

    public SecretsInTextsTests() => _transports =
    [
        new MemoryTransport(loggerFactory: _log),
        new TcpTransport(loggerFactory: _log),
        new UdpTransport(loggerFactory: _log),
        new QuicTransport(loggerFactory: _log),
        new WebSocketTransport(loggerFactory: _log),
        new SseTransport(loggerFactory: _log),
        new GrpcTransport(loggerFactory: _log),
        new KestrelTransport(loggerFactory: _log),
    ];

    public static TheoryData<string> Schemes => ["mem", "tcp", "tls", "unix", "udp", "quic", "ws", "wss", "sse+http", "sse+https", "grpc+http", "grpc+https"];

    /// <summary>What stands behind the scheme; {port} is one in use by somebody who speaks none of the protocols.</summary>
    private static string[] Addresses =>
    [
        $"://user:{Password}@127.0.0.1:1/",
        $"://user:{Password}@127.0.0.1:1",
        $"://user:{Password}@127.0.0.1/",
        $"://127.0.0.1:1/?access_token={QueryToken}",
        $"://127.0.0.1:1/chat?{QueryToken}",
        $"://127.0.0.1:1/a/b/c?access_token={QueryToken}#{Password}",
        $"://user:{Password}@127.0.0.1:1/a?access_token={QueryToken}",
        $"://user:{Password}@127.0.0.1:{{port}}/",
        $"://127.0.0.1:{{port}}/?access_token={QueryToken}",
        $":///no-such-directory/sock?access_token={QueryToken}",
    ];

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask DisposeAsync()
    {
        foreach (var transport in _transports)
        {
            if (transport is IAsyncDisposable asynchronous)
            {
                await asynchronous.DisposeAsync();
            }
            else
            {
                (transport as IDisposable)?.Dispose();
            }
        }
    }

    [Fact]
    public async Task ToString_ChannelWhoseAddressesHoldSecrets_DoesNotTellThem()
    {
        var options = new MessageChannelOptions();
        await using var channel = new FramedMessageChannel(
            ByteConnection.Create(new MemoryStream()),
            LengthPrefixedFraming.Default,
            new MessageChannelContext
            {
                TransportName = "stream",
                Side = ChannelSide.Client,
                Options = options,
                Characteristics = new ChannelCharacteristics { MaxMessageSize = options.MaxMessageSize },
                LocalAddress = new Uri($"ws://user:{Password}@here:1/chat"),
                RemoteAddress = new Uri($"ws://there:2/chat?access_token={QueryToken}"),
            });

        channel.ToString().Should().Contain("ws://here:1/chat").And.Contain("ws://there:2/chat").And.NotContain(Password).And.NotContain(QueryToken);
    }

    [Theory]
    [MemberData(nameof(Schemes))]
    public async Task ConnectAndListen_Fail_TellNoSecret(string scheme)
    {
        using var closing = new TcpListener(IPAddress.Loopback, 0);
        closing.Start();
        var port = ((IPEndPoint)closing.LocalEndpoint).Port;
        var accepting = DropAllAsync(closing);
        var factory = new MessageChannelFactory(_transports);

        foreach (var rest in Addresses)
        {
            if (!Uri.TryCreate(scheme + rest.Replace("{port}", $"{port}", StringComparison.Ordinal), UriKind.Absolute, out var address))
            {
                continue;
            }

            // Where nobody answers at all the timeout's text counts too; a shorter wait is the caller's own cancellation.
            using var patience = CancellationTokenSource.CreateLinkedTokenSource(Token);
            patience.CancelAfter(TimeSpan.FromSeconds(3));
            await CheckAsync(address, async () => await (await factory.ConnectAsync(address, patience.Token)).DisposeAsync());
            await CheckAsync(address, async () => await (await factory.ListenAsync(address, patience.Token)).DisposeAsync());
        }

        closing.Stop();
        await accepting;
        Check("the log", string.Join('\n', _log.Lines));
    }

    [Fact]
    public async Task ConnectAndListen_AddressOfAnotherKind_TellNoSecret()
    {
        var addresses = new[]
        {
            new Uri($"gopher://user:{Password}@host:1/?access_token={QueryToken}"),
            new Uri($"user:{Password}@host:1"),
            new Uri($"//user:{Password}@host?{QueryToken}", UriKind.Relative),
        };
        foreach (var address in addresses)
        {
            foreach (var transport in _transports)
            {
                await CheckAsync(address, async () => await ((transport as IClientTransport)?.ConnectAsync(address, Token) ?? default));
                await CheckAsync(address, async () => await ((transport as IServerTransport)?.ListenAsync(address, Token) ?? default));
            }

            var factory = new MessageChannelFactory(_transports);
            await CheckAsync(address, async () => await factory.ConnectAsync(address, Token));
        }
    }

    /// <summary>A token in the query and in a header, in a channel's whole life: opened, named, refused, sent over, broken.</summary>
    [Theory]
    [InlineData("ws", "/here", true)]
    [InlineData("sse+http", "/here", true)]
    [InlineData("sse+http", "/here?duplex", true)]
    [InlineData("grpc+http", "/package.Service/Method", false)]
    [InlineData("tcp", "", false)]
    [InlineData("udp", "", false)]
    [InlineData("mem", "here", false)]
    public async Task Channel_FromItsOpeningToItsEnd_TellsNoSecret(string scheme, string path, bool takesQuery)
    {
        var authorization = $"Bearer {QueryToken}";
        using var sockets = new WebSocketTransport(new WebSocketTransportOptions { ConfigureRequest = request => request.Headers.TryAddWithoutValidation("Authorization", authorization) }, _log);
        using var events = new SseTransport(new SseTransportOptions { ConfigureRequest = request => request.Headers.TryAddWithoutValidation("Authorization", authorization) }, _log);
        using var calls = new GrpcTransport(new GrpcTransportOptions { Headers = { { "authorization", authorization } } }, _log);
        var client = new MessageChannelFactory([sockets, events, calls, .. _transports.Where(one => one is not (WebSocketTransport or SseTransport or GrpcTransport))], [Logged]);
        var listenAt = new Uri(scheme == "mem" ? $"mem://{path}" : $"{scheme}://127.0.0.1:0{path}");
        await using var listener = await new MessageChannelFactory(_transports, [Logged]).ListenAsync(listenAt, Token);
        var address = takesQuery ? new Uri($"{listener.LocalAddress}{(path.Contains('?', StringComparison.Ordinal) ? '&' : '?')}access_token={QueryToken}") : listener.LocalAddress;

        foreach (var isClientsFault in new[] { true, false })
        {
            await using var near = await client.ConnectAsync(address, Token);
            if (near.Characteristics.Direction == ChannelDirection.Bidirectional)
            {
                await near.SendAsync("hello", Token);
            }

            await using var far = (await listener.AcceptAsync(Token))!;
            await far.SendAsync("hello", Token);
            (await near.ReceiveAsync(Token)).Should().NotBeNull();
            Check("a channel's name", $"{near} {far} {near.Id} {far.Id}");
            await CheckAsync(address, async () => await near.SendAsync(new byte[2 * 1024 * 1024], Token));
            (isClientsFault ? near : far).Abort(new FormatException("no"));
            using var patience = CancellationTokenSource.CreateLinkedTokenSource(Token);
            patience.CancelAfter(TimeSpan.FromSeconds(3));
            foreach (var channel in new[] { near, far })
            {
                await CheckAsync(address, async () => await channel.ReceiveAsync(patience.Token));
                await CheckAsync(address, async () => await channel.SendAsync("late", patience.Token));
                Check("an end", channel.Closed.IsCompleted ? $"{await channel.Closed}" : "");
            }
        }

        _log.Lines.Should().NotBeEmpty();
        Check("the log", string.Join('\n', _log.Lines));

        IMessageChannel Logged(IMessageChannel channel) => channel.WithLogging(_log.CreateLogger(""));
    }

    [Theory]
    [InlineData("ws")]
    [InlineData("sse+http")]
    public async Task Connect_RefusedByTheServerOrServed_TellsNoSecret(string scheme)
    {
        var factory = new MessageChannelFactory(_transports, [channel => channel.WithLogging(_log.CreateLogger(""))]);
        await using var server = new MessageServer(factory, new Uri($"{scheme}://127.0.0.1:0/here"), (_, _) => throw new FormatException("no"), loggerFactory: _log);
        await server.StartAsync(Token);
        var port = server.LocalAddress!.Port;

        await CheckAsync(null, async () => await factory.ConnectAsync(new Uri($"{scheme}://127.0.0.1:{port}/elsewhere?access_token={QueryToken}"), Token));
        await using (var served = await factory.ConnectAsync(new Uri($"{scheme}://127.0.0.1:{port}/here?access_token={QueryToken}"), Token))
        {
            await CheckAsync(null, async () => await served.ReceiveAsync(Token));
        }

        await server.StopAsync(Token);
        _log.Lines.Should().Contain(line => line.Contains("The handler of channel", StringComparison.Ordinal));
        Check("the log", string.Join('\n', _log.Lines));
    }

    [Theory]
    [InlineData("ws", "127.0.0.1:1/?access_token=" + QueryToken)]
    [InlineData("ws", "user:" + Password + "@127.0.0.1:1/")]
    [InlineData("tcp", "user:" + Password + "@127.0.0.1:1")]
    [InlineData("gopher", "user:" + Password + "@127.0.0.1:1")]
    public async Task HealthCheck_PeerNotReached_TellsNoSecret(string scheme, string rest)
    {
        var services = new ServiceCollection();
        services.AddLogging();
        services.AddTransports().AddTcp().AddWebSockets();
        services.AddMessageChannelClient("peer", $"{scheme}://{rest}");
        services.AddHealthChecks().AddMessageChannelClient("peer");
        await using var provider = services.BuildServiceProvider();

        var report = await provider.GetRequiredService<HealthCheckService>().CheckHealthAsync(Token);

        var entry = report.Entries["peer"];
        entry.Status.Should().Be(HealthStatus.Unhealthy);
        Check("the health check", $"{entry.Description} {entry.Exception} {string.Join(' ', entry.Data.Values)}");
    }

    private static async Task CheckAsync(Uri? address, Func<Task> action)
    {
        var error = await Record.ExceptionAsync(action);
        Check($"{address}", $"{error}");
    }

    private static void Check(string what, string text)
    {
        text.Should().NotContain(Password, "of {0}", what);
        text.Should().NotContain(QueryToken, "of {0}", what);
    }

    private static async Task DropAllAsync(TcpListener listener)
    {
        try
        {
            while (true)
            {
                (await listener.AcceptSocketAsync(Token)).Dispose();
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or OperationCanceledException)
        {
        }
    }
}
