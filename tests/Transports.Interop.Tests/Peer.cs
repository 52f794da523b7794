using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Reflection;

namespace Transports.Interop.Tests;

/// <summary>A program in another language: node with the modules of this project, or Debian's Python.</summary>
public sealed class Peer : IAsyncDisposable
{
    private readonly Process _process;
    private readonly Task<string> _errors;

    private Peer(Process process)
    {
        _process = process;
        _errors = process.StandardError.ReadToEndAsync();
    }

    private static string Directory { get; } = typeof(Peer).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
        .Single(static attribute => attribute.Key == "InteropDirectory").Value!;

    /// <summary>Skips the test where the peer's language or library is missing.</summary>
    public static void Require(string language)
    {
        if (language == "python")
        {
            Requirement.SkipUnless(
                File.Exists("/usr/bin/python3") && System.IO.Directory.Exists("/usr/lib/python3/dist-packages/grpc"),
                "python3-grpcio",
                "Python's gRPC is missing: apt-get install python3-grpcio.");
            return;
        }

        Requirement.SkipUnless(
            System.IO.Directory.Exists(Path.Combine(Directory, "node/node_modules/@grpc/grpc-js")) && File.Exists("/usr/bin/node"),
            "grpc-js",
            "Node's gRPC is missing: apt-get install nodejs npm, and run npm ci in tests/Transports.Interop.Tests/node.");
    }

    /// <summary>Skips the test where a module of node's is missing.</summary>
    public static void RequireNode(string module, string folder = "node", string install = "npm ci")
        => Requirement.SkipUnless(
            File.Exists("/usr/bin/node") && System.IO.Directory.Exists(Path.Combine(Directory, folder, "node_modules", module)),
            module,
            $"Node's package {module} is missing: apt-get install nodejs npm, and run {install} in tests/Transports.Interop.Tests/{folder}.");

    /// <summary>Skips the test where a program is missing.</summary>
    public static void RequireFile(string path, string name, string package)
        => Requirement.SkipUnless(Path.Exists(path), name, $"{path} is missing: apt-get install {package}.");

    /// <summary>Starts a script, which ends when its input does.</summary>
    public static Peer Start(string language, string script, params string[] arguments)
        => Run(language == "python" ? "/usr/bin/python3" : "/usr/bin/node", [Path.Combine(Directory, script), .. arguments]);

    /// <summary>Starts node with options of its own before the script.</summary>
    public static Peer StartNode(string[] options, string script, params string[] arguments)
        => Run("/usr/bin/node", [.. options, Path.Combine(Directory, script), .. arguments]);

    /// <summary>Starts a program that does not watch its input: it is killed when the input ends, also when these tests crash. Its errors are in its output.</summary>
    public static Peer StartProgram(string program, params string[] arguments)
        => Run("/bin/sh", ["-c", "\"$@\" 2>&1 & cat >/dev/null; kill $! 2>/dev/null; wait $!", "sh", program, .. arguments]);

    /// <summary>A port for a program that cannot be asked which one it was given.</summary>
    public static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private static Peer Run(string program, string[] arguments)
    {
        var start = new ProcessStartInfo(program)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = Directory,
        };
        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        // Where the scripts lie, node would not look for modules.
        start.Environment["NODE_PATH"] = Path.Combine(Directory, "node/node_modules");

        // Loopback needs no proxy, whatever the machine is told.
        start.Environment["no_proxy"] = "127.0.0.1,localhost";
        start.Environment["NO_PROXY"] = "127.0.0.1,localhost";
        return new Peer(Process.Start(start)!);
    }

    /// <summary>A line of its output; fails with its errors when it has ended instead.</summary>
    public async Task<string> ReadLineAsync()
    {
        var token = TestContext.Current.CancellationToken;
        if (await _process.StandardOutput.ReadLineAsync(token) is { } line)
        {
            TestContext.Current.TestOutputHelper?.WriteLine(line);
            return line;
        }

        Assert.Fail($"The peer ended: {await _errors}");
        return "";
    }

    /// <summary>Lines of its output, up to and with the first that holds a text.</summary>
    public async Task<List<string>> ReadUntilAsync(string text)
    {
        var lines = new List<string>();
        do
        {
            lines.Add(await ReadLineAsync());
        }
        while (!lines[^1].Contains(text, StringComparison.Ordinal));

        return lines;
    }

    public async Task WriteLineAsync(string line)
    {
        await _process.StandardInput.WriteLineAsync(line);
        await _process.StandardInput.FlushAsync();
    }

    public async ValueTask DisposeAsync()
    {
        _process.StandardInput.Close();
        if (!_process.WaitForExit(TimeSpan.FromSeconds(5)))
        {
            _process.Kill(entireProcessTree: true);
        }

        await _errors;
        _process.Dispose();
    }
}
