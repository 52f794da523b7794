using System.Net;
using System.Net.Quic;
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
        ended.Which.CloseInfo.Should().Match<ChannelCloseInfo>(info => info.Status == status && info.IsRemote && info.TransportCode == (long)status);
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
    public async Task Connect_CertificateNotTrusted_IsRefused()
    {
        var listener = await ListenAsync();
        (await this.Invoking(_ => new QuicTransport().ConnectAsync(listener.LocalAddress, Token).AsTask())
            .Should().ThrowAsync<TransportException>()).WithMessage("*certificate is trusted*");
        await OpenAsync(listener);
    }

    [Fact(Timeout = HangTimeout)]
    public async Task Connect_OtherApplicationProtocol_IsRefused()
    {
        var listener = await ListenAsync();
        var other = Options();
        other.ApplicationProtocol = "something-else/1";
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
        var welcome = Options();
        welcome.TlsClient.ClientCertificates = [known];
        var (_, accepted) = await OpenAsync(listener, welcome);
        accepted.GetFeature<IQuicConnectionFeature>()!.RemoteCertificate!.Thumbprint.Should().Be(known.Thumbprint);
    }

    [Fact(Timeout = HangTimeout)]
    public async Task Listen_WithoutACertificate_SaysWhatToSet()
    {
        (await this.Invoking(_ => new QuicTransport().ListenAsync(new Uri("quic://localhost:0"), Token).AsTask())
            .Should().ThrowAsync<InvalidOperationException>()).WithMessage("*TlsServer.Certificate*");
    }

    [Fact(Timeout = HangTimeout)]
    public async Task Listener_StreamsThatSayNothingOrNonsense_OthersAreServed()
    {
        var server = Options();
        server.MaxInboundChannels = 10;
        var listener = await ListenAsync(server);
        await using var raw = await QuicConnection.ConnectAsync(
            new QuicClientConnectionOptions
            {
                RemoteEndPoint = new IPEndPoint(IPAddress.Loopback, listener.LocalAddress.Port),
                DefaultCloseErrorCode = 0,
                DefaultStreamErrorCode = 0,
                ClientAuthenticationOptions = new SslClientAuthenticationOptions
                {
                    ApplicationProtocols = [new SslApplicationProtocol(QuicTransportOptions.DefaultApplicationProtocol)],
                    TargetHost = "localhost",
                    RemoteCertificateValidationCallback = (_, _, _, _) => true,
                },
            },
            Token);

        // As many as are allowed, nine silent and one that is no channel of ours.
        var streams = new List<QuicStream>();
        for (var i = 0; i < server.MaxInboundChannels; i++)
        {
            streams.Add(await raw.OpenOutboundStreamAsync(QuicStreamType.Bidirectional, Token));
        }

        await streams[^1].WriteAsync("GET / HTTP/1.1"u8.ToArray(), Token);
        var refused = await streams[^1].Invoking(stream => stream.ReadAsync(new byte[1], Token).AsTask()).Should().ThrowAsync<QuicException>();
        refused.Which.ApplicationErrorCode.Should().Be((long)ChannelCloseStatus.ProtocolError);
        var (client, accepted) = await OpenAsync(listener);
        await AssertDeliversAsync(client, accepted, "served all the same");
        foreach (var stream in streams)
        {
            await stream.DisposeAsync();
        }
    }
}
