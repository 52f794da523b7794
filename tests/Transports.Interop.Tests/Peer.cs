using System.Diagnostics;
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

    public static Peer Start(string language, string script, params string[] arguments)
    {
        var start = new ProcessStartInfo(language == "python" ? "/usr/bin/python3" : "/usr/bin/node")
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = Directory,
        };
        start.ArgumentList.Add(Path.Combine(Directory, script));
        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

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
            return line;
        }

        Assert.Fail($"The peer ended: {await _errors}");
        return "";
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
