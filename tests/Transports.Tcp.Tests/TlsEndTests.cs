using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using static Transports.Tcp.Tests.Net;

namespace Transports.Tcp.Tests;

/// <summary>The end of what one side sends over TLS, told while the other side's bytes arrive.</summary>
public sealed class TlsEndTests
{
    private const int Rounds = 150;

    [Fact]
    public async Task CompleteSending_WhileInputArrives_NothingOfItIsLost()
    {
        var transport = new TcpTransport(Options());
        await using var listener = await transport.ListenAsync(ListenAddress("tls"), Token);
        for (var round = 0; round < Rounds; round++)
        {
            var accepting = listener.AcceptAsync(Token);
            await using var client = await transport.ConnectAsync(listener.LocalAddress, Token);
            await using var server = (await accepting)!;
            var sending = Task.Run(() => SendUntilPeerEndsAsync(server));
            var enough = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            var receiving = Task.Run(() => CountToEndAsync(client, enough, after: round));
            await enough.Task.WaitAsync(Token);
            await client.CompleteSendingAsync(Token);
            (await receiving).Should().Be(await sending);
        }
    }

    [Fact]
    public async Task CompleteWrites_WhileARecordIsDecrypted_WaitsForThat()
    {
        await using var ends = await Ends.ConnectAsync();
        await ends.Transport.Turn.WaitAsync(Token);
        var completing = ends.Connection.CompleteWritesAsync(null).AsTask();
        completing.IsCompleted.Should().BeFalse();
        ends.Socket.Poll(0, SelectMode.SelectRead).Should().BeFalse("nothing may be sent yet");
        ends.Transport.Turn.Release();
        await completing.WaitAsync(Token);
        (await ends.Peer.ReadAsync(new byte[1], Token)).Should().Be(0);
    }

    [Fact]
    public async Task Read_InputArrivesWhileWritesComplete_DecryptsAfterThat()
    {
        await using var ends = await Ends.ConnectAsync();
        var buffer = new byte[16];
        var reading = ends.Connection.ReadAsync(buffer).AsTask();

        // A read that waits for the socket has given its turn up.
        await ends.Transport.Turn.WaitAsync(Token);
        await ends.Peer.WriteAsync(new byte[] { 1, 2, 3 }, Token);
        ends.Transport.Socket.Poll(-1, SelectMode.SelectRead).Should().BeTrue();
        reading.IsCompleted.Should().BeFalse();
        ends.Transport.Turn.Release();
        (await reading.WaitAsync(Token)).Should().Be(3);
        ends.Transport.Turn.CurrentCount.Should().Be(1);
    }

    [Fact]
    public async Task CompleteWrites_AfterAReadFailed_DoesNotWaitForIt()
    {
        await using var ends = await Ends.ConnectAsync();
        var reading = ends.Connection.ReadAsync(new byte[16]).AsTask();
        SocketAbort.Reset(ends.Socket);
        await ((Func<Task>)(() => reading.WaitAsync(Token))).Should().ThrowAsync<IOException>();
        await ((Func<Task>)(() => ends.Connection.CompleteWritesAsync(null).AsTask().WaitAsync(Token))).Should().ThrowAsync<IOException>();
    }

    private static async Task<int> SendUntilPeerEndsAsync(IMessageChannel channel)
    {
        var ended = Task.Run(async () => (await channel.ReceiveAsync(Token)).Should().BeNull());
        var sent = 0;
        var message = new byte[10];
        while (!ended.IsCompleted)
        {
            await channel.SendAsync(message, Token);

            // Each one a record of its own: the more there are, the likelier one is being decrypted at the wrong moment.
            await channel.FlushAsync(Token);
            sent++;
        }

        await ended;
        await channel.CompleteSendingAsync(Token);
        return sent;
    }

    private static async Task<int> CountToEndAsync(IMessageChannel channel, TaskCompletionSource enough, int after)
    {
        var count = 0;
        try
        {
            while (await channel.ReceiveAsync(Token) is not null)
            {
                if (count++ == after)
                {
                    enough.SetResult();
                }
            }
        }
        finally
        {
            enough.TrySetResult();
        }

        return count;
    }

    /// <summary>A byte connection over TLS, and its peer.</summary>
    private sealed record Ends(TlsByteConnection Connection, TlsSocketStream Transport, SslStream Peer, Socket Socket) : IAsyncDisposable
    {
        public static async Task<Ends> ConnectAsync()
        {
            using var listening = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            listening.Bind(new IPEndPoint(IPAddress.Loopback, 0));
            listening.Listen();
            var connected = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            await connected.ConnectAsync(listening.LocalEndPoint!, Token);
            var accepted = await listening.AcceptAsync(Token);
            var peer = new SslStream(new NetworkStream(accepted, ownsSocket: true));
            var transport = new TlsSocketStream(connected);
            var stream = new SslStream(transport);
            var options = new SslClientAuthenticationOptions
            {
                TargetHost = "localhost",
                CertificateChainPolicy = TlsChainPolicy.Create(TestCertificates.Shared.Roots, default),
            };
            await Task.WhenAll(
                peer.AuthenticateAsServerAsync(TestCertificates.Shared.Server),
                stream.AuthenticateAsClientAsync(options, Token));
            return new Ends(new TlsByteConnection(stream, transport, allowUnexpectedEof: false, isClient: true), transport, peer, accepted);
        }

        public async ValueTask DisposeAsync()
        {
            await Connection.DisposeAsync();
            await Peer.DisposeAsync();
        }
    }
}
