namespace Transports.Interop.Tests;

/// <summary>Debian's nginx in front of a server, with everything as nginx has it by default except what an upgrade needs.</summary>
internal sealed class Nginx : IAsyncDisposable
{
    private readonly DirectoryInfo _directory;
    private Peer? _process;

    private Nginx(DirectoryInfo directory, int port)
    {
        _directory = directory;
        Port = port;
    }

    public int Port { get; }

    public static async Task<Nginx> StartAsync(int upstream)
    {
        Peer.RequireFile("/usr/sbin/nginx", "nginx-light", "nginx-light");
        var directory = Directory.CreateTempSubdirectory("transports-nginx-");
        if (!OperatingSystem.IsWindows())
        {
            // Its workers are another user.
            directory.UnixFileMode = (UnixFileMode)0b111_101_101;
        }

        var port = Peer.FreePort();
        await File.WriteAllTextAsync(Path.Combine(directory.FullName, "nginx.conf"), $$"""
            daemon off;
            pid {{directory}}/pid;
            error_log stderr notice;
            worker_processes 1;
            events { }
            http {
                access_log off;
                client_body_temp_path {{directory}}/body;
                proxy_temp_path {{directory}}/proxy;
                fastcgi_temp_path {{directory}}/fastcgi;
                uwsgi_temp_path {{directory}}/uwsgi;
                scgi_temp_path {{directory}}/scgi;
                map $http_upgrade $connection_upgrade { default upgrade; "" close; }
                server {
                    listen 127.0.0.1:{{port}};
                    location / {
                        proxy_pass http://127.0.0.1:{{upstream}};
                        proxy_http_version 1.1;
                        proxy_set_header Host $http_host;
                        proxy_set_header Upgrade $http_upgrade;
                        proxy_set_header Connection $connection_upgrade;
                    }
                }
            }
            """);
        var nginx = new Nginx(directory, port);
        await nginx.StartAsync();
        return nginx;
    }

    public Uri Address(string scheme, string query = "") => new($"{scheme}://127.0.0.1:{Port}/channel{query}");

    public async Task StartAsync()
    {
        _process = Peer.StartProgram("/usr/sbin/nginx", "-c", Path.Combine(_directory.FullName, "nginx.conf"), "-e", "stderr");
        await _process.ReadUntilAsync("start worker process ");
    }

    public async Task StopAsync()
    {
        if (Interlocked.Exchange(ref _process, null) is { } process)
        {
            await process.DisposeAsync();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _directory.Delete(recursive: true);
    }
}
