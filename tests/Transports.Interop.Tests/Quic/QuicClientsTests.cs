using System.Collections.Concurrent;

namespace Transports.Interop.Tests;

/// <summary>Another program's QUIC client, Cloudflare's quiche, with our listener.</summary>
public sealed class QuicClientsTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory(Timeout = 60_000)]
    [InlineData("echo")]
    [InlineData("pieces")]
    [InlineData("streams")]
    [InlineData("closed-by-server Normal 0")]
    [InlineData("closed-by-server GoingAway 1")]
    [InlineData("closed-by-server PolicyViolation 4")]
    [InlineData("closed-by-server InternalError 5")]
    [InlineData("aborted-by-server")]
    [InlineData("oversize")]
    [InlineData("no-channel")]
    [InlineData("server-stops")]
    [InlineData("alpn")]
    [InlineData("untrusted")]
    public async Task Client_OfAnotherProgram_IsServed(string name)
    {
        QuicPeers.Require();
        using var peers = new QuicPeers();
        await using var server = await EchoListener.StartAsync(peers.Options());
        await using var client = Peer.Start("node", "Quic/quic_client.mjs", [server.Port, peers.CertificateFile, .. name.Split(' ')]);
        (await client.ReadLineAsync()).Should().Be("ok");
    }

    [Theory(Timeout = 60_000)]
    [InlineData("reset 8", ChannelCloseStatus.ConnectionLost, 8)]
    [InlineData("reset 2", ChannelCloseStatus.ProtocolError, 2)]
    [InlineData("reset 4", ChannelCloseStatus.PolicyViolation, 4)]
    [InlineData("reset 0", ChannelCloseStatus.ConnectionLost, 0)]
    [InlineData("reset 1000", ChannelCloseStatus.ConnectionLost, 1000)]
    [InlineData("close-connection 5", ChannelCloseStatus.InternalError, 5)]
    [InlineData("close-connection 0", ChannelCloseStatus.ConnectionLost, 0)]
    public async Task Client_EndsWithACode_ChannelSaysWhich(string name, ChannelCloseStatus expected, long code)
    {
        QuicPeers.Require();
        using var peers = new QuicPeers();
        await using var server = await EchoListener.StartAsync(peers.Options());
        await using var client = Peer.Start("node", "Quic/quic_client.mjs", [server.Port, peers.CertificateFile, .. name.Split(' ')]);
        (await client.ReadLineAsync()).Should().Be("ok");
        ChannelCloseInfo info;
        do
        {
            // The bystander of a reset ends in its own way.
            info = await server.Ended.Reader.ReadAsync(Token);
        }
        while (info.ProtocolErrorCode != code);

        info.Should().BeEquivalentTo(new { Status = expected, IsRemote = true, ProtocolErrorCode = (long?)code });
    }

    /// <summary>Serves every channel of a listener, and does as it is told.</summary>
    private sealed class EchoListener(IMessageListener listener) : IAsyncDisposable
    {
        private readonly ConcurrentBag<Task> _serving = [];
        private readonly ConcurrentBag<IMessageChannel> _channels = [];

        public System.Threading.Channels.Channel<ChannelCloseInfo> Ended { get; } = System.Threading.Channels.Channel.CreateUnbounded<ChannelCloseInfo>();

        public string Port => listener.LocalAddress.Port.ToString(System.Globalization.CultureInfo.InvariantCulture);

        public static async Task<EchoListener> StartAsync(QuicTransportOptions options)
        {
            var started = new EchoListener(await new QuicTransport(options).ListenAsync(new Uri("quic://127.0.0.1:0"), Token));
            started._serving.Add(Task.Run(started.AcceptAsync));
            return started;
        }

        public async ValueTask DisposeAsync()
        {
            await listener.DisposeAsync();
            foreach (var channel in _channels)
            {
                // Its client may have gone without a word.
                channel.Abort();
            }

            await Task.WhenAll(_serving);
        }

        private async Task AcceptAsync()
        {
            while (await listener.AcceptAsync() is { } channel)
            {
                _channels.Add(channel);
                _serving.Add(Task.Run(() => ServeAsync(channel)));
            }
        }

        private async Task ServeAsync(IMessageChannel channel)
        {
            await using (channel)
            {
                try
                {
                    while (await channel.ReceiveAsync() is { } message)
                    {
                        if (message.Length < 40 && message.GetText().Split(' ') is var words && words[0] is "close" or "abort" or "stop")
                        {
                            await ObeyAsync(channel, words);
                            return;
                        }

                        await channel.SendAsync(message);
                    }
                }
                catch (TransportException)
                {
                    // Closed tells it.
                }
            }

            Ended.Writer.TryWrite(await channel.Closed);
        }

        private async Task ObeyAsync(IMessageChannel channel, string[] words)
        {
            switch (words[0])
            {
                case "close":
                    await channel.SendAsync("as you wish"u8.ToArray());
                    await channel.CloseAsync(Enum.Parse<ChannelCloseStatus>(words[1]));
                    break;
                case "abort":
                    channel.Abort();
                    break;
                default:
                    await channel.DisposeAsync();
                    await listener.DisposeAsync();
                    break;
            }
        }
    }
}
