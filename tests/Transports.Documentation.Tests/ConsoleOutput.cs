namespace Transports.Documentation.Tests;

/// <summary>Sends what is written to the console elsewhere while it lives. The one test that uses it is alone in doing so.</summary>
internal sealed class ConsoleOutput : IDisposable
{
    private readonly TextWriter _before = Console.Out;

    /// <summary>Starts.</summary>
    /// <param name="output">Where to.</param>
    public ConsoleOutput(TextWriter output) => Console.SetOut(output);

    public void Dispose() => Console.SetOut(_before);
}
