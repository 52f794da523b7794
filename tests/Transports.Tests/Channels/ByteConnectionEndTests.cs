using System.IO.Pipelines;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Transports.Tests.Channels;

/// <summary>How channels over the caller's own streams and pipes end.</summary>
public sealed class ByteConnectionEndTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task CloseAsync_InputUnread_WhatWasSentArrives(bool overPipes)
    {
        var (ours, theirs) = await ConnectAsync();
        await using var peer = FramedMessageChannel.Create(theirs);
        await peer.SendAsync(new byte[5 * 1024], Token);
        await peer.FlushAsync(Token);
        var stream = new NetworkStream(ours, ownsSocket: true);
        await using var channel = overPipes ? FramedMessageChannel.Create(new StreamPipes(stream)) : FramedMessageChannel.Create(stream);

        // The first byte is there, so that the close meets unread input for certain; more than the kernel takes at once follows.
        await ours.ReceiveAsync(new byte[1], SocketFlags.Peek, Token);
        await channel.SendAsync(new byte[900_000], Token);
        var closing = channel.CloseAsync(cancellationToken: Token);
        (await peer.ReceiveAsync(Token))!.Value.Payload.Length.Should().Be(900_000);
        await closing;
        (await peer.ReceiveAsync(Token)).Should().BeNull();
    }

    [Fact]
    public async Task CompleteSendingAsync_NetworkStream_PeerReadsToTheEndAndStillSends()
    {
        var (ours, theirs) = await ConnectAsync();
        await using var peer = FramedMessageChannel.Create(theirs);
        await using var channel = FramedMessageChannel.Create(new NetworkStream(ours, ownsSocket: true));
        channel.Characteristics.SupportsHalfClose.Should().BeTrue();

        await channel.CompleteSendingAsync(Token);

        (await peer.ReceiveAsync(Token)).Should().BeNull();
        await peer.SendAsync(new byte[] { 1 }, Token);
        (await channel.ReceiveAsync(Token))!.Value.ToArray().Should().Equal(1);
    }

    [Fact]
    public async Task CloseAsync_SslStream_TellsThePeerByACloseNotify()
    {
        using var certificate = CreateCertificate();
        var (ours, theirs) = await ConnectAsync();
        var end = new EndWatchingStream(theirs);
        await using var client = new SslStream(end, leaveInnerStreamOpen: false);
        var server = new SslStream(new NetworkStream(ours, ownsSocket: true));
        await Task.WhenAll(
            client.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = "localhost", RemoteCertificateValidationCallback = static (_, _, _, _) => true }, Token),
            server.AuthenticateAsServerAsync(new SslServerAuthenticationOptions { ServerCertificate = certificate }, Token));
        await using var channel = FramedMessageChannel.Create(server);

        await channel.SendAsync(new byte[] { 7 }, Token);
        await channel.CloseAsync(cancellationToken: Token);

        var received = new byte[5];
        await client.ReadExactlyAsync(received, Token);
        (await client.ReadAsync(received, Token)).Should().Be(0);

        // TLS has told the end by itself: nothing below it has ended yet.
        end.HasEnded.Should().BeFalse();
    }

    private static async Task<(Socket Ours, Socket Theirs)> ConnectAsync()
    {
        using var listening = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listening.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listening.Listen();
        var theirs = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await theirs.ConnectAsync(listening.LocalEndPoint!, Token);
        return (await listening.AcceptAsync(Token), theirs);
    }

    private static X509Certificate2 CreateCertificate()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var certificate = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256)
            .CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));

        // Through PKCS#12, so that every platform's TLS can use the key.
        return X509CertificateLoader.LoadPkcs12(certificate.Export(X509ContentType.Pkcs12), null);
    }

    // Pipes that end their stream with themselves, as they do unless told to leave it open.
    private sealed class StreamPipes(Stream stream) : IDuplexPipe
    {
        public PipeReader Input { get; } = PipeReader.Create(stream);

        public PipeWriter Output { get; } = PipeWriter.Create(stream);
    }

    private sealed class EndWatchingStream(Socket socket) : NetworkStream(socket, ownsSocket: true)
    {
        public bool HasEnded { get; private set; }

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var count = await base.ReadAsync(buffer, cancellationToken);
            HasEnded |= count == 0 && !buffer.IsEmpty;
            return count;
        }
    }
}
