using System.Net;
using System.Net.Security;

namespace Transports.Quic.Tests;

public sealed class QuicChannelTests : QuicFixture
{
    [Theory(Timeout = HangTimeout)]
    [InlineData(ChannelCloseStatus.ProtocolError)]
    [InlineData(ChannelCloseStatus.PolicyViolation)]
    [InlineData(ChannelCloseStatus.InternalError)]
    public async Task Close_WithAnError_PeerHasEveryMessageAndThenTheStatus(ChannelCloseStatus status)
    {
        var (client, server) = await OpenAsync(await ListenAsync());
        await client.SendAsync("last words"u8.ToArray(), Token);
        await client.CloseAsync(status, cancellationToken: Token);
        (await server.ReceiveAsync(Token))!.Value.GetText().Should().Be("last words");
        var ended = await server.Invoking(channel => channel.ReceiveAsync(Token).AsTask()).Should().ThrowAsync<MessageChannelClosedException>();
        ended.Which.CloseInfo.Should().Match<ChannelCloseInfo>(info => info.Status == status && info.IsRemote && info.ProtocolErrorCode == (long)status);
    }

    [Fact(Timeout = HangTimeout)]
    public async Task Close_GoingAway_IsACleanEndThatSaysSo()
    {
        var (client, server) = await OpenAsync(await ListenAsync());
        await server.SendAsync("good bye"u8.ToArray(), Token);
        await server.CloseAsync(ChannelCloseStatus.GoingAway, cancellationToken: Token);
        (await client.ReceiveAsync(Token))!.Value.GetText().Should().Be("good bye");
        (await client.ReceiveAsync(Token)).Should().BeNull();
        (await client.Closed).Should().Match<ChannelCloseInfo>(info => info.Status == ChannelCloseStatus.GoingAway && info.IsRemote);
    }

    [Fact(Timeout = HangTimeout)]
    public async Task Receive_MessageOverTheLimit_BothSidesSayMessageTooLarge()
    {
        var small = Options();
        small.MaxMessageSize = 100;
        var (client, server) = await OpenAsync(await ListenAsync(small));
        await client.SendAsync(new byte[101], Token);
        await server.Invoking(channel => channel.ReceiveAsync(Token).AsTask()).Should().ThrowAsync<MessageTooLargeException>();
        (await client.Invoking(channel => channel.ReceiveAsync(Token).AsTask()).Should().ThrowAsync<MessageChannelClosedException>())
            .Which.CloseInfo.Should().Match<ChannelCloseInfo>(info => info.Status == ChannelCloseStatus.MessageTooLarge && info.IsRemote);
    }

    [Fact(Timeout = HangTimeout)]
    public async Task Connect_NobodyListens_SaysSo()
    {
        using var taken = new System.Net.Sockets.Socket(System.Net.Sockets.AddressFamily.InterNetwork, System.Net.Sockets.SocketType.Dgram, System.Net.Sockets.ProtocolType.Udp);
        taken.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        var port = ((IPEndPoint)taken.LocalEndPoint!).Port;
        var options = Options();
        options.HandshakeTimeout = TimeSpan.FromSeconds(1);
        (await this.Invoking(_ => new QuicTransport(options).ConnectAsync(new Uri($"quic://127.0.0.1:{port}"), Token).AsTask())
            .Should().ThrowAsync<TransportException>()).WithMessage("*UDP is not blocked*");
    }

    [Fact(Timeout = HangTimeout)]
    public async Task Connect_ClosedPort_SaysSo()
    {
        int port;
        using (var taken = new System.Net.Sockets.Socket(System.Net.Sockets.AddressFamily.InterNetwork, System.Net.Sockets.SocketType.Dgram, System.Net.Sockets.ProtocolType.Udp))
        {
            taken.Bind(new IPEndPoint(IPAddress.Loopback, 0));
            port = ((IPEndPoint)taken.LocalEndPoint!).Port;
        }

        (await this.Invoking(_ => new QuicTransport(Options()).ConnectAsync(new Uri($"quic://127.0.0.1:{port}"), Token).AsTask())
            .Should().ThrowAsync<TransportException>()).WithMessage("*UDP is not blocked*");
    }

    [Theory(Timeout = HangTimeout)]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Connect_NoAnswerWithinConnectTimeout_SaysWhichTimeout(bool shared)
    {
        using var silent = new System.Net.Sockets.UdpClient(new IPEndPoint(IPAddress.Loopback, 0));
        var clock = new Transports.Tests.ManualTimeProvider();
        var options = Options();
        options.ShareConnections = shared;
        options.TimeProvider = clock;
        options.HandshakeTimeout = TimeSpan.FromMinutes(5);
        options.ConnectTimeout = TimeSpan.FromMinutes(1);
        var connecting = new QuicTransport(options).ConnectAsync(HostAddress.ToUri("quic", silent.Client.LocalEndPoint)!, Token).AsTask();
        await silent.ReceiveAsync(Token);
        connecting.IsCompleted.Should().BeFalse();
        clock.Advance(TimeSpan.FromMinutes(1));
        (await connecting.Invoking(one => one).Should().ThrowAsync<TransportException>()).WithMessage("*within 60 seconds (ConnectTimeout)*");
    }

    [Theory(Timeout = HangTimeout)]
    [InlineData("Authentication failed because the remote party sent a TLS alert: 'UserCanceled'.", "*HandshakeTimeout*", "*certificate*")]
    [InlineData("Authentication failed because the remote party sent a TLS alert: 'BadCertificate'.", "*certificate*", "*HandshakeTimeout*")]
    public void Handshake_EndedByTls_AdviceFitsTheAlert(string alert, string advice, string other)
    {
        var error = QuicConnectErrors.OfHandshake(new Uri("quic://localhost:1"), Options(), new System.Security.Authentication.AuthenticationException(alert));
        error.Message.Should().Match(advice).And.NotMatch(other).And.Contain(alert);
    }

    [Theory(Timeout = HangTimeout)]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Connect_CancelledDuringTheHandshake_GivesUp(bool shared)
    {
        using var silent = new System.Net.Sockets.UdpClient(new IPEndPoint(IPAddress.Loopback, 0));
        var options = Options();
        options.ShareConnections = shared;
        using var enough = new CancellationTokenSource();
        var connecting = new QuicTransport(options).ConnectAsync(HostAddress.ToUri("quic", silent.Client.LocalEndPoint)!, enough.Token).AsTask();

        // The first packet is here: the handshake has begun.
        await silent.ReceiveAsync(Token);
        connecting.IsCompleted.Should().BeFalse();
        await enough.CancelAsync();
        (await connecting.Invoking(one => one).Should().ThrowAsync<OperationCanceledException>()).Which.CancellationToken.Should().Be(enough.Token);
    }

    [Fact(Timeout = HangTimeout)]
    public async Task Dispose_WhileSendsAreInFlight_EndsThemAll()
    {
        var options = Options();
        options.CloseTimeout = TimeSpan.FromMilliseconds(500);
        var (client, _) = await OpenAsync(await ListenAsync(), options);

        // Nobody reads: sooner or later each waits for room.
        var sending = Enumerable.Range(0, 8).Select(_ => Task.Run(() => SendForeverAsync(client), Token)).ToArray();
        var stuck = new byte[options.MaxMessageSize];
        var waiting = client.SendAsync(stuck, Token).AsTask();
        await client.DisposeAsync();
        foreach (var one in sending)
        {
            (await one).Should().Match(error => error is TransportException || error is ObjectDisposedException);
        }

        (await Record.ExceptionAsync(() => waiting)).Should().Match(error => error == null || error is TransportException || error is ObjectDisposedException);

        static async Task<Exception> SendForeverAsync(IMessageChannel channel)
        {
            try
            {
                while (true)
                {
                    await channel.SendAsync(new byte[32 * 1024], Token);
                }
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                return e;
            }
        }
    }

    [Fact(Timeout = HangTimeout)]
    public async Task Idle_WithoutKeepAlive_TimesOutAndWithItStays()
    {
        var server = Options();
        server.KeepAliveInterval = Timeout.InfiniteTimeSpan;
        server.IdleTimeout = TimeSpan.FromSeconds(3);
        var listener = await ListenAsync(server);
        var silent = Options();
        silent.KeepAliveInterval = Timeout.InfiniteTimeSpan;
        silent.IdleTimeout = TimeSpan.FromSeconds(3);
        var kept = Options();
        kept.KeepAliveInterval = TimeSpan.FromMilliseconds(200);
        kept.IdleTimeout = TimeSpan.FromSeconds(3);
        var (keptClient, keptServer) = await OpenAsync(listener, kept);
        var (silentClient, silentServer) = await OpenAsync(listener, silent);
        foreach (var end in new[] { silentClient, silentServer })
        {
            (await end.Invoking(one => one.ReceiveAsync(Token).AsTask()).Should().ThrowAsync<MessageChannelClosedException>())
                .Which.CloseInfo.Status.Should().Be(ChannelCloseStatus.TimedOut);
        }

        // Opened before, and as silent since.
        await AssertDeliversAsync(keptClient, keptServer, "kept alive");
    }

    [Fact(Timeout = HangTimeout)]
    public async Task Connect_CertificateNotTrusted_IsRefused()
    {
        var listener = await ListenAsync();
        (await this.Invoking(_ => new QuicTransport().ConnectAsync(listener.LocalAddress, Token).AsTask())
            .Should().ThrowAsync<TransportException>()).WithMessage("*No trusted authority*TrustedRoots*");
        await OpenAsync(listener);
    }

    [Fact(Timeout = HangTimeout)]
    public async Task Connect_OtherApplicationProtocol_IsRefused()
    {
        var listener = await ListenAsync();
        var other = Options();
        other.ApplicationProtocol = new SslApplicationProtocol("something-else/1");
        await this.Invoking(_ => new QuicTransport(other).ConnectAsync(listener.LocalAddress, Token).AsTask()).Should().ThrowAsync<TransportException>();
        await OpenAsync(listener);
    }

    [Fact(Timeout = HangTimeout)]
    public async Task Listen_ClientCertificateRequired_TakesATrustedOneOnly()
    {
        using var known = QuicTestCertificate.Create("known client");
        using var stranger = QuicTestCertificate.Create("stranger");
        var server = Options();
        server.TlsServer.ClientCertificateRequired = true;
        server.TlsServer.TrustedClientRoots = [known];
        var listener = await ListenAsync(server);
        var refused = Options();
        refused.TlsClient.ClientCertificates = [stranger];
        var attempt = async () =>
        {
            // The client's half of the handshake may be over before the server has looked at the certificate.
            await using var channel = await new QuicTransport(refused).ConnectAsync(listener.LocalAddress, Token);
            await channel.ReceiveAsync(Token);
        };
        await attempt.Should().ThrowAsync<TransportException>();
        refused.TlsClient.ClientCertificates = null;
        await attempt.Should().ThrowAsync<TransportException>("it shows none");
        var welcome = Options();
        welcome.TlsClient.ClientCertificates = [known];
        var (_, accepted) = await OpenAsync(listener, welcome);
        accepted.GetFeature<ITlsFeature>()!.RemoteCertificate!.Thumbprint.Should().Be(known.Thumbprint);
    }

    [Theory(Timeout = HangTimeout)]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Listen_ClientCertificateCallback_Decides(bool welcome)
    {
        using var stranger = QuicTestCertificate.Create("stranger");
        SslPolicyErrors? found = null;
        var server = Options();
        server.TlsServer.ClientCertificateRequired = true;
        server.TlsServer.ClientCertificateValidationCallback = (_, _, _, errors) =>
        {
            found = errors;
            return welcome;
        };
        var client = Options();
        client.TlsClient.ClientCertificates = [stranger];
        var listener = await ListenAsync(server);
        if (welcome)
        {
            var (_, accepted) = await OpenAsync(listener, client);
            accepted.GetFeature<ITlsFeature>()!.RemoteCertificate!.Thumbprint.Should().Be(stranger.Thumbprint);
        }
        else
        {
            var attempt = async () =>
            {
                await using var channel = await new QuicTransport(client).ConnectAsync(listener.LocalAddress, Token);
                await channel.ReceiveAsync(Token);
            };
            await attempt.Should().ThrowAsync<TransportException>();
        }

        found.Should().Be(SslPolicyErrors.RemoteCertificateChainErrors);
    }

    [Fact(Timeout = HangTimeout)]
    public async Task Listen_WithoutACertificate_SaysWhatToSet()
    {
        (await this.Invoking(_ => new QuicTransport().ListenAsync(new Uri("quic://localhost:0"), Token).AsTask())
            .Should().ThrowAsync<ArgumentException>()).WithMessage("*needs a certificate*TlsServerOptions*");
    }
}
