using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace Transports.Benchmarks;

/// <summary>Kestrel's socket listener without Kestrel: accepts connections, writes as many bytes as a message takes and waits for the end.</summary>
internal sealed class KestrelSocketAcceptor : IAsyncDisposable
{
    private readonly IConnectionListener _listener;
    private readonly Task _accepting;

    private KestrelSocketAcceptor(IConnectionListener listener)
    {
        _listener = listener;
        _accepting = Task.Run(AcceptAsync);
    }

    /// <summary>Where it listens.</summary>
    public IPEndPoint EndPoint => (IPEndPoint)_listener.EndPoint;

    /// <summary>Listens at a free port.</summary>
    public static async Task<KestrelSocketAcceptor> OpenAsync()
    {
        var factory = new SocketTransportFactory(Options.Create(new SocketTransportOptions()), NullLoggerFactory.Instance);
        return new KestrelSocketAcceptor(await factory.BindAsync(new IPEndPoint(IPAddress.Loopback, 0)));
    }

    /// <summary>What is done with each connection.</summary>
    /// <param name="connection">The connection.</param>
    public static async Task ServeAsync(ConnectionContext connection)
    {
        try
        {
            connection.Transport.Output.GetSpan(ConnectionsSide.WordSize)[..ConnectionsSide.WordSize].Clear();
            connection.Transport.Output.Advance(ConnectionsSide.WordSize);
            await connection.Transport.Output.FlushAsync();
            await connection.Transport.Input.ReadAsync();
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            // The client's reset, which is its way to end.
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _listener.UnbindAsync();
        await _accepting;
        await _listener.DisposeAsync();
    }

    private static async Task RunAsync(ConnectionContext connection)
    {
        await ServeAsync(connection);
        await connection.DisposeAsync();
    }

    private async Task AcceptAsync()
    {
        while (await _listener.AcceptAsync() is { } connection)
        {
            _ = RunAsync(connection);
        }
    }
}
