using System.Reflection;

namespace Transports.Fuzz.Tests;

/// <summary>Inputs that are tried each time: files of hexadecimal digits in Corpus, a folder for each target; white space does not count.</summary>
internal static class Corpus
{
    public static IReadOnlyList<(string Name, byte[] Input)> Of(string target)
    {
        var assembly = Assembly.GetExecutingAssembly();
        return [.. assembly.GetManifestResourceNames()
            .Where(name => name.StartsWith(target + "/", StringComparison.Ordinal))
            .Order(StringComparer.Ordinal)
            .Select(name => (name, Read(assembly, name)))];
    }

    private static byte[] Read(Assembly assembly, string name)
    {
        using var reader = new StreamReader(assembly.GetManifestResourceStream(name)!);
        return Convert.FromHexString(string.Concat(reader.ReadToEnd().Where(static c => !char.IsWhiteSpace(c))));
    }
}
