namespace Transports.Interop.Tests;

/// <summary>Debian's haproxy or tinyproxy on loopback, with the defaults that its package has.</summary>
internal sealed class ProxyProgram : IAsyncDisposable
{
    private readonly DirectoryInfo _directory;
    private readonly Peer _process;

    private ProxyProgram(DirectoryInfo directory, Peer process, int port)
    {
        _directory = directory;
        _process = process;
        Port = port;
    }

    public int Port { get; }

    /// <summary>A haproxy in front of a server.</summary>
    /// <param name="upstream">The server's port.</param>
    /// <param name="mode">As haproxy has it, <c>http</c> or <c>tcp</c>.</param>
    /// <param name="protocol">What it speaks on both sides: <c> proto h2</c>, or nothing for its default.</param>
    public static async Task<ProxyProgram> StartHaproxyAsync(int upstream, string mode, string protocol = "")
    {
        Peer.RequireFile("/usr/sbin/haproxy", "haproxy", "haproxy");
        return await StartAsync("haproxy", "Loading success", port => $"""
            defaults
                mode {mode}
                timeout connect 5000
                timeout client 50000
                timeout server 50000
            listen channels
                bind 127.0.0.1:{port}{protocol}
                server upstream 127.0.0.1:{upstream}{protocol}

            """, static file => ["/usr/sbin/haproxy", "-W", "-db", "-f", file]);
    }

    /// <summary>A tinyproxy, a proxy of the kind that companies have between their people and the web.</summary>
    public static async Task<ProxyProgram> StartTinyproxyAsync()
    {
        Peer.RequireFile("/usr/bin/tinyproxy", "tinyproxy", "tinyproxy");
        return await StartAsync("tinyproxy", "Accepting connections", static port => $"""
            Port {port}
            Listen 127.0.0.1
            Timeout 600
            MaxClients 100
            LogLevel Info

            """, static file => ["/usr/bin/tinyproxy", "-d", "-c", file]);
    }

    public async ValueTask DisposeAsync()
    {
        await _process.DisposeAsync();
        _directory.Delete(recursive: true);
    }

    private static async Task<ProxyProgram> StartAsync(string name, string ready, Func<int, string> configure, Func<string, string[]> command)
    {
        var directory = Directory.CreateTempSubdirectory($"transports-{name}-");
        var port = Peer.FreePort();
        var file = Path.Combine(directory.FullName, "configuration");
        await File.WriteAllTextAsync(file, configure(port));
        var line = command(file);
        var process = Peer.StartProgram(line[0], line[1..]);
        await process.ReadUntilAsync(ready);
        return new ProxyProgram(directory, process, port);
    }
}
