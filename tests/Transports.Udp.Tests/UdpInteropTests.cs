using System.Diagnostics;

namespace Transports.Udp.Tests;

/// <summary>Python's own sockets on the other side.</summary>
public sealed class UdpInteropTests : UdpFixture
{
    private const string Client = """
        import socket, sys
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.settimeout(30)
        s.connect(("127.0.0.1", int(sys.argv[1])))
        for size in (5, 0, 1, 1200):
            s.send(bytes([size % 251]) * size)
            assert s.recv(65536) == bytes([size % 251]) * size, size
        print("ok")
        """;

    private const string Server = """
        import socket
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.settimeout(30)
        s.bind(("127.0.0.1", 0))
        print(s.getsockname()[1], flush=True)
        while True:
            data, peer = s.recvfrom(65536)
            s.sendto(data, peer)
            if data == b"end":
                break
        """;

    [Fact(Timeout = HangTimeout)]
    public async Task Listener_PythonClient_GetsItsDatagramsBack()
    {
        var listener = await ListenAsync();
        using var python = Start(Client, listener.LocalAddress.Port.ToString(System.Globalization.CultureInfo.InvariantCulture));
        var server = await AcceptAsync(listener);
        for (var i = 0; i < 4; i++)
        {
            await server.SendAsync((await server.ReceiveAsync(Token))!.Value, Token);
        }

        (await python.StandardOutput.ReadToEndAsync(Token)).Trim().Should().Be("ok");
    }

    [Fact(Timeout = HangTimeout)]
    public async Task Connect_PythonServer_SendsDatagramsBack()
    {
        using var python = Start(Server);
        var port = await python.StandardOutput.ReadLineAsync(Token);
        var client = await ConnectAsync(new Uri($"udp://127.0.0.1:{port}"));
        foreach (var payload in new[] { [], "hello"u8.ToArray(), new byte[1200], "end"u8.ToArray() })
        {
            await client.SendAsync(payload, Token);
            (await client.ReceiveAsync(Token))!.Value.ToArray().Should().Equal(payload);
        }

        await python.WaitForExitAsync(Token);
        python.ExitCode.Should().Be(0);
    }

    private static Process Start(string script, params string[] arguments)
    {
        try
        {
            return Process.Start(new ProcessStartInfo("python3", ["-c", script, .. arguments]) { RedirectStandardOutput = true })!;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            Requirement.Missing("python3", "This talks to a Python program; install the Debian package python3.");
            throw;
        }
    }
}
