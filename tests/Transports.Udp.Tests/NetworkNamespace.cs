using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Transports.Udp.Tests;

/// <summary>Runs the loss probe in a network namespace of its own, whose loopback behaves as told.</summary>
internal static partial class NetworkNamespace
{
    /// <summary>IP and UDP headers.</summary>
    private const int HeaderSize = 28;

    // What leaves the sockets, before any queue, and what is about to reach one, after any rule that drops.
    private const string Counters = """
        nft add table inet wire
        nft add counter inet wire departed
        nft add counter inet wire arrived
        nft add chain inet wire output "{ type filter hook output priority 0; }"
        nft add rule inet wire output meta l4proto udp counter name departed
        nft add chain inet wire input "{ type filter hook input priority 100; }"
        nft add rule inet wire input meta l4proto udp counter name arrived
        """;

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
    /// <returns>What the probe says, and how many datagrams were lost between the sockets; of UDP alone.</returns>
    public static async Task<(ProbeReport Report, long LostOnTheWire)> ProbeAsync(string setUp, string address, int messages, int size)
    {
        var probe = typeof(ProbeReport).Assembly.Location;
        var dotnet = Environment.ProcessPath is { } path && Path.GetFileNameWithoutExtension(path) == "dotnet" ? path : "dotnet";
        var script = $"""
            set -e
            ip link set lo mtu 1500 up
            {Counters}
            {setUp}
            {dotnet} {probe} {address} {messages} {size}
            nft list counters
            """;
        var (exitCode, output, error) = await RunAsync($"unshare --net sh -c '{script}'");
        exitCode.Should().Be(0, "the probe should end well; it said {0} {1}", output, error);
        var report = JsonSerializer.Deserialize<ProbeReport>(output.Split('\n').Single(line => line.StartsWith('{')))!;

        return (report, address.StartsWith("udp", StringComparison.Ordinal) ? Count(output, "departed", size) - Count(output, "arrived", size) : 0);
    }

    // The kernel may carry several datagrams of one size as one packet with one header: the bytes tell how many.
    private static long Count(string output, string counter, int size)
    {
        var counted = Counter().Matches(output).Single(match => match.Groups["name"].Value == counter);
        var (datagrams, rest) = long.DivRem(Number(counted, "bytes") - (HeaderSize * Number(counted, "packets")), size);
        rest.Should().Be(0, "all datagrams have one size");
        return datagrams;
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

    [GeneratedRegex(@"counter (?<name>\w+) \{\s+packets (?<packets>\d+) bytes (?<bytes>\d+)")]
    private static partial Regex Counter();
}
