using System.Text.RegularExpressions;

namespace Transports.Documentation.Tests;

/// <summary>What documents show is what compiles and runs, and what they link to is there.</summary>
public sealed partial class MarkdownTests
{
    public static TheoryData<string> Files => [.. Repository.MarkdownFiles()];

    [Theory]
    [MemberData(nameof(Files))]
    public void CodeBlock_OfAnyDocument_EqualsTheCompiledRegion(string file)
    {
        var regions = SnippetRegions.Read();
        var text = File.ReadAllText(Path.Combine(Repository.Root, file)).ReplaceLineEndings("\n");

        foreach (Match block in CodeBlock().Matches(text))
        {
            var name = block.Groups["name"].Value;
            name.Should().NotBeEmpty($"each C# block of {file} follows a line <!-- snippet: name -->, but this one does not:\n{block.Groups["code"].Value}");
            regions.Should().ContainKey(name, $"{file} shows it");
            block.Groups["code"].Value.TrimEnd('\n').Should().Be(regions[name], $"{file} shows the snippet '{name}'; copy the compiled region there");
        }
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void Link_ToAFileOfTheRepository_LeadsSomewhere(string file)
    {
        var path = Path.Combine(Repository.Root, file);

        foreach (Match link in Link().Matches(File.ReadAllText(path)))
        {
            var target = link.Groups["target"].Value.Split('#')[0];
            if (target.Length == 0 || target.Contains("://", StringComparison.Ordinal))
            {
                continue;
            }

            var resolved = Path.Combine(Path.GetDirectoryName(path)!, target);
            Path.Exists(resolved).Should().BeTrue($"{file} links to {target}");
        }
    }

    [GeneratedRegex(@"(?:<!-- snippet: (?<name>[\w-]+) -->\n)?^```(?:csharp|cs|c#)\n(?<code>.*?)^```$", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex CodeBlock();

    [GeneratedRegex(@"\]\((?<target>[^)\s]+)\)")]
    private static partial Regex Link();
}
