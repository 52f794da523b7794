using System.Reflection;

namespace Transports.Api.Tests;

/// <summary>Pins the public surface of each package to a text beside this file, so that a change to it is seen in review.</summary>
public sealed class PublicApiTests
{
    public static TheoryData<string> Assemblies => [.. Metadata("ApiAssemblies").Split(',').Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Assemblies))]
    public void PublicSurface_OfEachPackage_IsTheOneInTheRepository(string name)
    {
        var actual = ApiText.Render(Assembly.Load(name));
        var path = Path.Combine(Metadata("ApiDirectory"), name + ".txt");
        if (Environment.GetEnvironmentVariable("UPDATE_API") == "1")
        {
            File.WriteAllText(path, actual);
            return;
        }

        var expected = File.Exists(path) ? File.ReadAllText(path).ReplaceLineEndings("\n") : "";
        if (actual != expected)
        {
            Assert.Fail(
                $"The public surface of {name} is not the one in tests/Transports.Api.Tests/{name}.txt.\n"
                + "If the change is meant, accept it with: UPDATE_API=1 dotnet test tests/Transports.Api.Tests\n\n"
                + LineDiff.Render(expected, actual));
        }
    }

    [Fact]
    public void Texts_InTheRepository_BelongToAPinnedAssembly()
    {
        var texts = Directory.GetFiles(Metadata("ApiDirectory"), "*.txt").Select(Path.GetFileNameWithoutExtension);
        texts.Should().BeSubsetOf(Metadata("ApiAssemblies").Split(','));
    }

    private static string Metadata(string key)
        => typeof(PublicApiTests).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(attribute => attribute.Key == key).Value!;
}
