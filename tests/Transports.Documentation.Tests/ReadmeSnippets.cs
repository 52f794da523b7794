using System.Reflection;

namespace Transports.Documentation.Tests;

/// <summary>The code of README.md, as it runs.</summary>
public sealed class ReadmeSnippets
{
    [Fact]
    public void QuickStart_AsShown_AnswersInCapitals()
    {
        var output = new StringWriter();
        using var redirected = new ConsoleOutput(output);

        Assembly.Load("QuickStart").EntryPoint!.Invoke(null, [Array.Empty<string>()]);

        output.ToString().Trim().Should().Be("HELLO");
    }
}
