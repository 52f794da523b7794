using System.Diagnostics;
using System.Security.Cryptography.X509Certificates;

namespace Transports.Interop.Tests;

/// <summary>A server's process that is told to stop while its clients are sending: what it flushed before it went reaches every one of them.</summary>
public sealed class StopBySignalTests : IDisposable
{
    private const int Clients = 40;
    private const int LastMessages = 20;

    private readonly string _directory = Directory.CreateTempSubdirectory("stop").FullName;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Theory(Timeout = 60_000)]
    [InlineData("tcp://127.0.0.1:0")]
    [InlineData("tls://127.0.0.1:0")]
    [InlineData("unix")]
    [InlineData("ws://127.0.0.1:0/")]
    [InlineData("wss://127.0.0.1:0/")]
    [InlineData("sse+http://127.0.0.1:0/?duplex")]
    [InlineData("sse+https://127.0.0.1:0/?duplex")]
    public async Task Terminated_ClientsThatSend_GetAllThatWasFlushed(string listenAt)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no SIGTERM.");
        var pem = Path.Combine(_directory, "server.pem");
        using (var key = TestCertificates.Shared.Server.GetECDsaPrivateKey()!)
        {
            await File.WriteAllTextAsync(pem, TestCertificates.Shared.Server.ExportCertificatePem() + "\n" + key.ExportPkcs8PrivateKeyPem(), Token);
        }

        using var server = Start(listenAt == "unix" ? $"unix://{_directory}/sock" : listenAt, pem);
        try
        {
            var address = new Uri((await server.StandardOutput.ReadLineAsync(Token))!);
            var transport = Client(address.Scheme);
            using (transport as IDisposable)
            {
                var clients = await Task.WhenAll(Enumerable.Range(0, Clients).Select(async _ => await transport.ConnectAsync(address, Token)));

                // A peer that waits to be accepted when the server stops has no handler.
                foreach (var client in clients)
                {
                    (await client.ReceiveAsync(Token)).Should().NotBeNull();
                }

                var sending = Task.WhenAll(clients.Select(client => Task.Run(() => SendUntilClosedAsync(client), Token)));
                var receiving = Task.WhenAll(clients.Select(client => Task.Run(() => CountAsync(client), Token)));
                await TerminateAsync(server);
                await server.WaitForExitAsync(Token);

                var received = await receiving;
                await sending;
                server.ExitCode.Should().Be(0, await server.StandardError.ReadToEndAsync(Token));
                received.Should().OnlyContain(count => count == LastMessages);
                foreach (var client in clients)
                {
                    await client.DisposeAsync();
                }
            }
        }
        finally
        {
            if (!server.HasExited)
            {
                server.Kill();
            }
        }
    }

    private static IClientTransport Client(string scheme)
    {
        var tls = new TlsClientOptions { TrustedRoots = TestCertificates.Shared.Roots };
        return scheme.Split('+')[0] switch
        {
            "ws" or "wss" => new WebSocketTransport(new WebSocketTransportOptions { Tls = tls }),
            "sse" => new SseTransport(new SseTransportOptions { Tls = tls, ReconnectTimeout = TimeSpan.FromSeconds(1) }),
            _ => new TcpTransport(new TcpTransportOptions { TlsClient = tls }),
        };
    }

    // What a service manager does.
    private static async Task TerminateAsync(Process process)
    {
        using var kill = Process.Start("/bin/sh", ["-c", $"kill -TERM {process.Id}"]);
        await kill.WaitForExitAsync(Token);
        kill.ExitCode.Should().Be(0);
    }

    private static Process Start(string address, string pem)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in (string[])[Path.Combine(AppContext.BaseDirectory, "Transports.StopProbe.dll"), address, $"{LastMessages}", pem])
        {
            start.ArgumentList.Add(argument);
        }

        return Process.Start(start)!;
    }

    private static async Task SendUntilClosedAsync(IMessageChannel channel)
    {
        try
        {
            while (true)
            {
                await channel.SendAsync(new byte[100], Token);
                await Task.Yield();
            }
        }
        catch (TransportException)
        {
        }
    }

    private static async Task<int> CountAsync(IMessageChannel channel)
    {
        var count = 0;
        try
        {
            while (await channel.ReceiveAsync(Token) is not null)
            {
                count++;
            }
        }
        catch (MessageChannelClosedException)
        {
            // The process is gone, and with it who would have read what was still being sent.
        }

        return count;
    }
}
