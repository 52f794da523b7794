using System.Diagnostics;

namespace Transports.Udp.Tests;

/// <summary>Python's own sockets and socat on the other side.</summary>
public sealed class UdpInteropTests : UdpFixture
{
    private const string Client = """
        import socket, sys
        s = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM)
        s.settimeout(30)
        s.connect((sys.argv[1], int(sys.argv[2])))
        for size in (5, 0, 1, 1200):
            s.send(bytes([size % 251]) * size)
            assert s.recv(65536) == bytes([size % 251]) * size, size
        print("ok")
        """;

    private const string Server = """
        import socket, sys
        s = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM)
        s.settimeout(30)
        s.bind((sys.argv[1], 0))
        print(s.getsockname()[1], flush=True)
        while True:
            data, peer = s.recvfrom(65536)
            s.sendto(data, peer)
            if data == b"end":
                break
        """;

    [Theory(Timeout = HangTimeout)]
    [InlineData("127.0.0.1", "127.0.0.1")]
    [InlineData("[::1]", "::1")]
    [InlineData("[::]", "::1")]
    [InlineData("[::]", "127.0.0.1")]
    public async Task Listener_PythonClient_GetsItsDatagramsBack(string host, string target)
    {
        var listener = await ListenAsync(address: $"udp://{host}:0");
        using var python = StartPython(Client, target, Port(listener.LocalAddress));
        var server = await AcceptAsync(listener);
        for (var i = 0; i < 4; i++)
        {
            await server.SendAsync((await server.ReceiveAsync(Token))!.Value, Token);
        }

        (await python.StandardOutput.ReadToEndAsync(Token)).Trim().Should().Be("ok");
    }

    [Theory(Timeout = HangTimeout)]
    [InlineData("127.0.0.1", "127.0.0.1")]
    [InlineData("[::1]", "::1")]
    public async Task Connect_PythonServer_SendsDatagramsBack(string host, string target)
    {
        using var python = StartPython(Server, target);
        var port = await python.StandardOutput.ReadLineAsync(Token);
        var client = await ConnectAsync(new Uri($"udp://{host}:{port}"));
        foreach (var payload in new[] { [], "hello"u8.ToArray(), new byte[1200], "end"u8.ToArray() })
        {
            await client.SendAsync(payload, Token);
            (await client.ReceiveAsync(Token))!.Value.ToArray().Should().Equal(payload);
        }

        await python.WaitForExitAsync(Token);
        python.ExitCode.Should().Be(0);
    }

    [Fact(Timeout = HangTimeout)]
    public async Task Listener_SocatClient_HearsAndIsHeard()
    {
        var listener = await ListenAsync();
        using var socat = Start("socat", "socat", "-", $"UDP:127.0.0.1:{Port(listener.LocalAddress)}");
        await socat.StandardInput.WriteAsync("from socat");
        await socat.StandardInput.FlushAsync(Token);
        var server = await AcceptAsync(listener);
        (await server.ReceiveAsync(Token))!.Value.GetText().Should().Be("from socat");
        await server.SendAsync("to socat\n"u8.ToArray(), Token);
        (await socat.StandardOutput.ReadLineAsync(Token)).Should().Be("to socat");
        socat.Kill();
    }

    [Fact(Timeout = HangTimeout)]
    public async Task Connect_SocatServer_SendsDatagramsBack()
    {
        // Twice -d has it say which port it was given; -T ends it when the test is gone.
        using var socat = Start("socat", "socat", "-d", "-d", "-T", "30", "UDP-LISTEN:0,bind=127.0.0.1", "EXEC:cat");
        var line = await socat.StandardError.ReadLineAsync(Token);
        while (line is not null && !line.Contains("listening on", StringComparison.Ordinal))
        {
            line = await socat.StandardError.ReadLineAsync(Token);
        }

        var client = await ConnectAsync(new Uri($"udp://127.0.0.1:{line!.Split(':')[^1]}"));
        foreach (var payload in new[] { "hello"u8.ToArray(), new byte[1200], "end"u8.ToArray() })
        {
            await client.SendAsync(payload, Token);
            (await client.ReceiveAsync(Token))!.Value.ToArray().Should().Equal(payload);
        }

        socat.Kill();
    }

    private static string Port(Uri address) => address.Port.ToString(System.Globalization.CultureInfo.InvariantCulture);

    private static Process StartPython(string script, params string[] arguments) => Start("python3", "python3", ["-c", script, .. arguments]);

    private static Process Start(string package, string program, params string[] arguments)
    {
        try
        {
            return Process.Start(new ProcessStartInfo(program, arguments)
            {
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
                RedirectStandardError = package == "socat",
            })!;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            Requirement.ReportMissing(package, $"This talks to another program; install the Debian package {package}.");
            throw;
        }
    }
}
