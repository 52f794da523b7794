using System.Text.RegularExpressions;

namespace Transports.Documentation.Tests;

/// <summary>The marked regions of compiled files: from a line <c>// snippet: name</c> to a line <c>// end snippet</c>.</summary>
internal static partial class SnippetRegions
{
    /// <summary>The regions of all files of tests and samples, by name, without their indentation.</summary>
    public static Dictionary<string, string> Read()
    {
        var regions = new Dictionary<string, string>();
        var files = new[] { "tests", "samples" }
            .Select(directory => Path.Combine(Repository.Root, directory))
            .Where(Directory.Exists)
            .SelectMany(directory => Directory.EnumerateFiles(directory, "*.cs", SearchOption.AllDirectories))
            .Where(path => !path.Contains($"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}", StringComparison.Ordinal));
        foreach (var file in files)
        {
            foreach (Match match in Region().Matches(File.ReadAllText(file).ReplaceLineEndings("\n")))
            {
                regions.Add(match.Groups["name"].Value, Unindent(match.Groups["code"].Value));
            }
        }

        return regions;
    }

    [GeneratedRegex(@"^[ ]*// snippet: (?<name>[\w-]+)\n(?<code>.*?)^[ ]*// end snippet$", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Region();

    private static string Unindent(string code)
    {
        var lines = code.TrimEnd('\n').Split('\n');
        var indentation = lines.Where(line => line.Length > 0).Min(line => line.Length - line.TrimStart(' ').Length);
        return string.Join('\n', lines.Select(line => line.Length == 0 ? line : line[indentation..]));
    }
}
