using System.Globalization;
using System.Reflection;

namespace Transports.Packages.Tests;

/// <summary>All packages of <c>src</c>, packed once, and folders outside the repository to use them in as its users do.</summary>
/// <remarks>
/// The version is new each time, and what is installed goes into a folder of its own, so no package of an earlier run is taken for one of this. What others
/// made comes from the folder that this repository's own build has filled.
/// </remarks>
public sealed class PackageFeed : IAsyncLifetime
{
    private readonly DirectoryInfo _root = Directory.CreateTempSubdirectory("transports-packages-");

    /// <summary>The repository's root.</summary>
    public static string Repository { get; } = Metadata("RepositoryDirectory");

    /// <summary>The version of all packages. Stable, as an install line without a version wants.</summary>
    public string Version { get; } = string.Create(CultureInfo.InvariantCulture, $"0.0.{DateTimeOffset.UtcNow.ToUnixTimeSeconds()}");

    /// <summary>The packages' names, in order.</summary>
    public IReadOnlyList<string> Names { get; private set; } = [];

    private string Feed => Path.Combine(_root.FullName, "feed");

    private string Installed => Path.Combine(_root.FullName, "installed");

    /// <inheritdoc/>
    public async ValueTask InitializeAsync()
    {
        Directory.CreateDirectory(Feed);
        await File.WriteAllTextAsync(Path.Combine(_root.FullName, "pack.proj"), $"""
            <Project>
              <Target Name="Pack">
                <ItemGroup>
                  <Packed Include="{Repository}src/*/*.csproj" />
                </ItemGroup>
                <MSBuild Projects="@(Packed)" Targets="Pack" Properties="NoBuild=true;Configuration={Metadata("Configuration")};PackageVersion={Version};PackageOutputPath={Feed};NuspecOutputPath={_root.FullName}/nuspec/" />
              </Target>
            </Project>
            """);
        await RunAsync(_root.FullName, "msbuild", "pack.proj", "-t:Pack", "-v:m", "-nologo");
        var ending = $".{Version}.nupkg";
        Names = [.. Directory.GetFiles(Feed, "*" + ending).Select(file => Path.GetFileName(file)[..^ending.Length]).Order(StringComparer.Ordinal)];

        var folder = Environment.GetEnvironmentVariable("NUGET_PACKAGES")
            ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");
        await File.WriteAllTextAsync(Path.Combine(_root.FullName, "nuget.config"), $"""
            <configuration>
              <packageSources>
                <clear />
                <add key="here" value="{Feed}" />
                <add key="nuget.org" value="https://api.nuget.org/v3/index.json" protocolVersion="3" />
              </packageSources>
              <packageSourceMapping>
                <packageSource key="here"><package pattern="Transports" /><package pattern="Transports.*" /></packageSource>
                <packageSource key="nuget.org"><package pattern="*" /></packageSource>
              </packageSourceMapping>
              <fallbackPackageFolders>
                <clear />
                <add key="build" value="{folder}" />
              </fallbackPackageFolders>
            </configuration>
            """);
    }

    /// <summary>An empty folder that no file of the repository has an effect on.</summary>
    /// <param name="name">Its name.</param>
    public string CreateFolder(string name) => _root.CreateSubdirectory(name).FullName;

    /// <summary>Runs the SDK, which must succeed, and gives what it wrote.</summary>
    /// <param name="folder">Where.</param>
    /// <param name="arguments">What for.</param>
    public Task<string> RunAsync(string folder, params string[] arguments) => DotNet.RunAsync(folder, Installed, arguments);

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        _root.Delete(recursive: true);
        return default;
    }

    private static string Metadata(string key)
        => typeof(PackageFeed).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(attribute => attribute.Key == key).Value!;
}
