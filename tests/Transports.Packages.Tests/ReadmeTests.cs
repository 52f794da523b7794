using System.Text.RegularExpressions;

namespace Transports.Packages.Tests;

/// <summary>What README.md tells a newcomer to type, typed: from the packages, in an empty folder.</summary>
public sealed partial class ReadmeTests(PackageFeed feed) : IClassFixture<PackageFeed>
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task QuickStart_AfterTheInstallLines_PrintsWhatItSays()
    {
        var readme = await ReadAsync("README.md");
        var code = QuickStart().Match(readme).Groups["code"].Value;
        var said = Said().Matches(code).Select(static match => match.Groups["output"].Value).ToList();
        said.Should().NotBeEmpty("the quick start says what it prints");
        var folder = feed.CreateFolder("quick-start");

        await feed.RunAsync(folder, "new", "console", "--no-restore");
        var installed = InstallLine().Matches(readme).Select(static match => match.Groups["arguments"].Value).ToList();
        installed.Should().NotBeEmpty("README.md says what to install");
        foreach (var arguments in installed)
        {
            await feed.RunAsync(folder, ["add", "package", .. arguments.Split(' ')]);
        }

        await File.WriteAllTextAsync(Path.Combine(folder, "Program.cs"), code, Token);
        await feed.RunAsync(folder, "build", "-warnaserror", "--no-restore", "-o", "out");
        var output = await feed.RunAsync(folder, "out/quick-start.dll");

        output.ReplaceLineEndings("\n").TrimEnd('\n').Split('\n').Should().Equal(said);
    }

    [Fact]
    public async Task Package_OfTheTable_CompilesAlone()
    {
        var folder = feed.CreateFolder("alone");
        foreach (var name in feed.Names)
        {
            var project = Directory.CreateDirectory(Path.Combine(folder, name));
            await File.WriteAllTextAsync(Path.Combine(project.FullName, $"Uses.{name}.csproj"), $"""
                <Project Sdk="Microsoft.NET.Sdk">
                  <PropertyGroup>
                    <TargetFramework>net10.0</TargetFramework>
                    <Nullable>enable</Nullable>
                  </PropertyGroup>
                  <ItemGroup>
                    <Compile Include="../Uses.cs" />
                    <PackageReference Include="{name}" Version="{feed.Version}" />
                  </ItemGroup>
                </Project>
                """, Token);
        }

        await File.WriteAllTextAsync(Path.Combine(folder, "Uses.cs"), "public sealed class Uses { public Transports.IMessageChannel? Channel { get; set; } }", Token);
        await File.WriteAllTextAsync(Path.Combine(folder, "Uses.slnx"), $"<Solution>{string.Concat(feed.Names.Select(static name => $"<Project Path=\"{name}/Uses.{name}.csproj\" />"))}</Solution>", Token);

        await feed.RunAsync(folder, "build", "Uses.slnx", "-warnaserror", "-m:2");
    }

    [Fact]
    public async Task Table_OfPackages_HasEachThatIsMade()
    {
        var named = TableRow().Matches(await ReadAsync("README.md")).Select(static match => match.Groups["name"].Value);

        named.Should().BeEquivalentTo(feed.Names);
    }

    [Fact]
    public async Task InstallLine_OfAnyDocument_NamesAPackageThatIsMade()
    {
        foreach (var file in Directory.EnumerateFiles(PackageFeed.Repository, "*.md")
            .Concat(Directory.EnumerateFiles(Path.Combine(PackageFeed.Repository, "docs"), "*.md", SearchOption.AllDirectories)))
        {
            foreach (Match line in InstallLine().Matches(await File.ReadAllTextAsync(file, Token)))
            {
                var name = line.Groups["arguments"].Value.Split(' ')[0];
                if (name.StartsWith("Transports", StringComparison.Ordinal))
                {
                    feed.Names.Should().Contain(name, "{0} says to install it", file);
                }
            }
        }
    }

    private static async Task<string> ReadAsync(string file)
        => (await File.ReadAllTextAsync(Path.Combine(PackageFeed.Repository, file), Token)).ReplaceLineEndings("\n");

    [GeneratedRegex(@"<!-- snippet: quick-start -->\n```csharp\n(?<code>.*?)^```$", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex QuickStart();

    [GeneratedRegex(@"Console\.WriteLine\(.*\); // (?<output>.*)$", RegexOptions.Multiline)]
    private static partial Regex Said();

    [GeneratedRegex(@"^[ >]*dotnet add package (?<arguments>\S.*?)\s*$", RegexOptions.Multiline)]
    private static partial Regex InstallLine();

    [GeneratedRegex(@"^\| `(?<name>Transports[\w.]*)` \|", RegexOptions.Multiline)]
    private static partial Regex TableRow();
}
