namespace Transports.Interop.Tests;

/// <summary>An <see cref="Echo"/> server at an address of any scheme, and clients for it with everything as it is by default.</summary>
internal sealed class ListeningServer : IAsyncDisposable
{
    private readonly MessageServer _server;

    private ListeningServer(MessageServer server)
    {
        _server = server;
    }

    public int Port => _server.LocalAddress!.Port;

    /// <summary>Listens at a free port of this machine.</summary>
    /// <param name="address">An address without a port, such as <c>ws://localhost/channel</c>.</param>
    public static async Task<ListeningServer> StartAsync(string address)
    {
        var kestrel = new KestrelTransport(new KestrelTransportOptions { Tls = { Certificate = TestCertificates.Shared.Server } });
        var tcp = new TcpTransport(new TcpTransportOptions { TlsServer = { Certificate = TestCertificates.Shared.Server } });
        var server = new MessageServer(new MessageChannelFactory([kestrel, tcp]), At(address, 0), Echo.HandleAsync);
        await server.StartAsync(TestContext.Current.CancellationToken);
        return new ListeningServer(server);
    }

    public static Uri At(string address, int port) => new(address.Replace("localhost", $"localhost:{port}", StringComparison.Ordinal));

    public async ValueTask DisposeAsync() => await _server.DisposeAsync();
}
