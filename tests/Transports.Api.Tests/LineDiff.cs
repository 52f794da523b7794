using System.Text;

namespace Transports.Api.Tests;

/// <summary>What lines were added and removed, each with the type it stands under.</summary>
internal static class LineDiff
{
    public static string Render(string expected, string actual)
    {
        var before = Qualify(expected);
        var after = Qualify(actual);
        var text = new StringBuilder();
        foreach (var line in before.Except(after))
        {
            text.Append("- ").Append(line).Append('\n');
        }

        foreach (var line in after.Except(before))
        {
            text.Append("+ ").Append(line).Append('\n');
        }

        return text.Length > 0 ? text.ToString() : "The same lines in another order, or other blank lines.\n";
    }

    // A member's line alone does not say whose it is.
    private static List<string> Qualify(string text)
    {
        var lines = new List<string>();
        var type = "";
        foreach (var line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            if (!line.StartsWith(' '))
            {
                type = line;
                lines.Add(line);
            }
            else
            {
                lines.Add($"{line.Trim()}   (in {type})");
            }
        }

        return lines;
    }
}
