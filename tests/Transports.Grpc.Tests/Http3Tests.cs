using System.Net.Quic;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Transports.Grpc.Tests;

/// <summary>gRPC over HTTP/3. What is refused is refused on every machine; the rest needs MsQuic.</summary>
public class Http3Tests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact(Timeout = 60_000)]
    public async Task Call_OverHttp3_CarriesMessagesMetadataAndStatus()
    {
        await using var pair = await OpenAsync();

        for (var i = 0; i < 20; i++)
        {
            var message = new byte[i * 5000];
            message.AsSpan().Fill((byte)i);
            await pair.Client.SendAsync(message, Token);
            (await pair.Server.ReceiveAsync(Token))!.Value.ToArray().Should().Equal(message);
            await pair.Server.SendAsync(message, Token);
            (await pair.Client.ReceiveAsync(Token))!.Value.ToArray().Should().Equal(message);
        }

        pair.Server.GetFeature<IHttpChannelFeature>()!.Protocol.Should().Be("HTTP/3");
        var call = pair.Server.GetFeature<IGrpcServerCallFeature>()!;
        call.ResponseTrailers.Add("grpc-status-details-bin", new byte[] { 8, 5 });
        call.SetStatus(GrpcStatusCode.NotFound, "fehlt: ü");
        await pair.Server.CloseAsync(cancellationToken: Token);

        var receive = async () => await pair.Client.ReceiveAsync(Token);
        (await receive.Should().ThrowAsync<MessageChannelClosedException>()).Which.CloseInfo.Should().BeEquivalentTo(
            new { ProtocolErrorCode = (long)GrpcStatusCode.NotFound, Description = "fehlt: ü", IsRemote = true });
        pair.Client.GetFeature<IGrpcClientCallFeature>()!.ResponseTrailers!.TryGetBinaryValue("grpc-status-details-bin", out _).Should().BeTrue();
    }

    [Fact(Timeout = 60_000)]
    public async Task Abort_ByTheServer_IsACancelOfHttp3()
    {
        await using var pair = await OpenAsync();
        await pair.Server.SendAsync(new byte[] { 1 }, Token);
        (await pair.Client.ReceiveAsync(Token)).Should().NotBeNull();

        pair.Server.Abort();

        var receive = async () => await pair.Client.ReceiveAsync(Token);
        (await receive.Should().ThrowAsync<MessageChannelClosedException>()).Which.CloseInfo.Should().BeEquivalentTo(
            new { Status = ChannelCloseStatus.ConnectionLost, ProtocolErrorCode = (long)GrpcStatusCode.Cancelled });
    }

    [Fact(Timeout = 60_000)]
    public async Task Abort_ByTheClientWhileItWrites_ReachesTheServer()
    {
        await using var pair = await OpenAsync();
        await pair.Client.SendAsync(new byte[500_000], Token);

        pair.Client.Abort();

        (await pair.Server.Closed.WaitAsync(Token)).Status.Should().Be(ChannelCloseStatus.ConnectionLost);
    }

    [Fact]
    public async Task ConnectAsync_Http3InCleartext_IsRefused()
    {
        using var transport = new GrpcTransport(new GrpcTransportOptions { HttpVersion = new Version(3, 0) });

        var connect = async () => await transport.ConnectAsync(new Uri("grpc+http://localhost:1"), Token);

        (await connect.Should().ThrowAsync<ArgumentException>()).WithMessage("*grpc+https*");
    }

    [Fact]
    public void HttpVersion_WithoutTrailers_IsRefused()
    {
        var options = new GrpcTransportOptions { HttpVersion = new Version(1, 1) };
        options.Invoking(static options => options.Validate()).Should().Throw<ArgumentOutOfRangeException>();
    }

    [Fact]
    public async Task ListenAsync_ProtocolsWithoutTrailers_IsRefusedForGrpcAlone()
    {
        var transport = new KestrelTransport(new KestrelTransportOptions { Protocols = HttpProtocols.Http1 });
        await using var webSockets = await transport.ListenAsync(new Uri("ws://localhost:0/"), Token);

        var listen = async () => await transport.ListenAsync(new Uri("grpc+http://localhost:0"), Token);

        (await listen.Should().ThrowAsync<ArgumentException>()).WithMessage("*HTTP/2 or HTTP/3*Protocols is Http1*");
    }

    [Theory]
    [InlineData("sse+http://localhost:0/", HttpProtocols.Http3)]
    [InlineData("ws://localhost:0/", HttpProtocols.Http1AndHttp2AndHttp3)]
    public async Task ListenAsync_Http3InCleartext_IsRefused(string address, HttpProtocols protocols)
    {
        var listen = async () => await new KestrelTransport(new KestrelTransportOptions { Protocols = protocols }).ListenAsync(new Uri(address), Token);

        (await listen.Should().ThrowAsync<ArgumentException>()).WithMessage("*always encrypted*");
    }

    [Fact]
    public async Task ListenAsync_Http3BesideAnotherAtAnyPort_IsRefused()
    {
        RequireQuic();
        var options = new KestrelTransportOptions { Protocols = HttpProtocols.Http1AndHttp2AndHttp3, Tls = { Certificate = TestCertificates.Shared.Server } };

        var listen = async () => await new KestrelTransport(options).ListenAsync(new Uri("wss://localhost:0/"), Token);

        (await listen.Should().ThrowAsync<ArgumentException>()).WithMessage("*name a port*");
    }

    [Fact]
    public async Task ListenAsync_SseOverHttp3Alone_Listens()
    {
        RequireQuic();
        var options = new KestrelTransportOptions { Protocols = HttpProtocols.Http3, Tls = { Certificate = TestCertificates.Shared.Server } };

        await using var listener = await new KestrelTransport(options).ListenAsync(new Uri("sse+https://localhost:0/"), Token);

        listener.LocalAddress.Port.Should().BePositive();
    }

    private static void RequireQuic()
        => Requirement.SkipUnless(QuicListener.IsSupported, "quic", "HTTP/3 needs the native library libmsquic, 2.2 or later.");

    private static Task<GrpcPair> OpenAsync()
    {
        RequireQuic();
        return GrpcPair.OpenAsync(
            new GrpcTransportOptions { HttpVersion = new Version(3, 0), Tls = { TrustedRoots = TestCertificates.Shared.Roots } },
            new KestrelTransportOptions { Protocols = HttpProtocols.Http3, Tls = { Certificate = TestCertificates.Shared.Server } },
            path: "/a.B/C",
            scheme: "grpc+https");
    }
}
