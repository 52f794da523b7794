using System.Security.Cryptography;
using System.Text;

namespace Compare.Data;

/// <summary>The text that is sent: the beginning of a book in the public domain, line by line, empty lines and typographic marks included.</summary>
internal sealed class SampleText
{
    private SampleText(string[] lines) => Lines = lines;

    /// <summary>The lines, without their ends.</summary>
    public IReadOnlyList<string> Lines { get; }

    /// <summary>Reads the text that is built into the program.</summary>
    public static SampleText Load()
    {
        using var stream = typeof(SampleText).Assembly.GetManifestResourceStream("alice.txt")
            ?? throw new InvalidOperationException("alice.txt is not embedded in this program; see Compare.csproj.");
        using var reader = new StreamReader(stream, Encoding.UTF8);
        return new SampleText(reader.ReadToEnd().ReplaceLineEndings("\n").TrimEnd('\n').Split('\n'));
    }

    /// <summary>SHA-256 of a line's UTF-8 bytes.</summary>
    /// <param name="line">The line.</param>
    public static byte[] Hash(string line) => SHA256.HashData(Encoding.UTF8.GetBytes(line));
}
