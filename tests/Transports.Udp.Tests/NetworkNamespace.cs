using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Transports.LossProbe;

namespace Transports.Udp.Tests;

/// <summary>Runs the loss probe in a network namespace of its own, whose loopback behaves as told.</summary>
internal static partial class NetworkNamespace
{
    /// <summary>IP and UDP headers.</summary>
    private const int HeaderSize = 28;

    /// <summary>Skips the test where namespaces cannot be made.</summary>
    public static async Task RequireAsync()
    {
        var possible = OperatingSystem.IsLinux()
            && (await RunAsync("unshare --net sh -c 'ip link set lo up && nft list ruleset && tc qdisc show dev lo' >/dev/null 2>&1")).ExitCode == 0;
        Requirement.SkipUnless(possible, "netns", "This needs root, unshare(1) and the Debian packages iproute2 and nftables.");
    }

    /// <summary>Runs the probe.</summary>
    /// <param name="setUp">A shell command that makes the loopback bad.</param>
    /// <param name="address">Where the probe listens.</param>
    /// <param name="messages">How many messages it sends.</param>
    /// <param name="size">The size of each.</param>
    /// <returns>What the probe says, and how many datagrams the namespace's rules dropped.</returns>
    public static async Task<(ProbeReport Report, long LostOnTheWire)> ProbeAsync(string setUp, string address, int messages, int size)
    {
        var probe = typeof(ProbeReport).Assembly.Location;
        var dotnet = Environment.ProcessPath is { } path && Path.GetFileNameWithoutExtension(path) == "dotnet" ? path : "dotnet";
        var script = $"""
            set -e
            ip link set lo mtu 1500 up
            {setUp}
            {dotnet} {probe} {address} {messages} {size}
            nft list ruleset
            tc -s qdisc show dev lo
            """;
        var (exitCode, output, error) = await RunAsync($"unshare --net sh -c '{script}'");
        exitCode.Should().Be(0, "the probe should end well; it said {0} {1}", output, error);
        var report = JsonSerializer.Deserialize<ProbeReport>(output.Split('\n').Single(line => line.StartsWith('{')))!;

        // The kernel may carry several datagrams of one size as one packet: the bytes tell how many.
        var lost = 0L;
        if (DropRule().Match(output) is { Success: true } rule)
        {
            lost = (Number(rule, "bytes") - (HeaderSize * Number(rule, "packets"))) / size;
        }

        if (QueueDrops().Match(output) is { Success: true } queue)
        {
            lost += Number(queue, "packets");
        }

        return (report, lost);
    }

    private static long Number(Match match, string group) => long.Parse(match.Groups[group].Value, CultureInfo.InvariantCulture);

    private static async Task<(int ExitCode, string Output, string Error)> RunAsync(string command)
    {
        using var process = Process.Start(new ProcessStartInfo("sh", ["-c", command]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var output = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        var error = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await using (TestContext.Current.CancellationToken.UnsafeRegister(static child => ((Process)child!).Kill(entireProcessTree: true), process))
        {
            await process.WaitForExitAsync(CancellationToken.None);
        }

        return (process.ExitCode, await output, await error);
    }

    [GeneratedRegex(@"counter packets (?<packets>\d+) bytes (?<bytes>\d+) drop")]
    private static partial Regex DropRule();

    [GeneratedRegex(@"qdisc tbf.*\n.*\(dropped (?<packets>\d+)")]
    private static partial Regex QueueDrops();
}
