using System.Diagnostics;
using System.Globalization;

namespace Transports.Interop.Tests;

/// <summary>Which node there is.</summary>
internal static class NodeVersion
{
    /// <summary>As it says itself, such as v20.20.2.</summary>
    public static string Text { get; } = Ask();

    /// <summary>0: there is none.</summary>
    public static int Major { get; } = Text.StartsWith('v') ? int.Parse(Text[1..].Split('.')[0], CultureInfo.InvariantCulture) : 0;

    private static string Ask()
    {
        if (!File.Exists("/usr/bin/node"))
        {
            return "none";
        }

        using var node = Process.Start(new ProcessStartInfo("/usr/bin/node", "--version") { RedirectStandardOutput = true })!;
        return node.StandardOutput.ReadToEnd().Trim();
    }
}
