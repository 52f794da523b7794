using System.Globalization;
using Spectre.Console;

namespace Compare.Output;

/// <summary>Prints the rows as one table.</summary>
internal static class TablePrinter
{
    // Room for all columns and a reason, where the output is a file or a pipe and has no width of its own.
    private const int RedirectedWidth = 140;

    /// <summary>Prints to standard output.</summary>
    /// <param name="rows">The rows.</param>
    public static void Print(IReadOnlyList<CompareRow> rows)
    {
        // Colors are for who watches; a file or a program gets the plain text.
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(Console.Out),
            Ansi = Console.IsOutputRedirected ? AnsiSupport.No : AnsiSupport.Detect,
            ColorSystem = Console.IsOutputRedirected ? ColorSystemSupport.NoColors : ColorSystemSupport.Detect,
        });
        if (Console.IsOutputRedirected)
        {
            console.Profile.Width = RedirectedWidth;
        }

        var table = new Table { Border = TableBorder.Simple };
        table.AddColumn("transport");
        table.AddColumn("promises");
        foreach (var figure in (string[])["handshake\nms", "p50\nµs", "p99\nµs", "64 B\nmsg/s", "16 KiB\nMB/s", "wire\nB/msg", "alloc\nB/msg"])
        {
            table.AddColumn(new TableColumn(figure).RightAligned());
        }

        table.AddColumn("text");
        foreach (var row in rows)
        {
            table.AddRow(
                new Text(row.Transport),
                new Text(row.Guarantees),
                Figure(row.HandshakeMilliseconds, "0.00"),
                Figure(row.RoundTripP50Microseconds, "0"),
                Figure(row.RoundTripP99Microseconds, "0"),
                Figure(row.MessagesPerSecond64, "#,0"),
                Figure(row.MegabytesPerSecond16K, "#,0"),
                Figure(row.WireBytes64, "0.#"),
                Figure(row.AllocatedBytesPerMessage, "0.#"),
                Verdict(row));
        }

        console.Write(table);
        console.WriteLine("promises: R reliable, O ordered, B the wire keeps message boundaries, E encrypted, W a web page can open it.");
        console.WriteLine("handshake: connecting to first answer. p50, p99: 64 B there and back. wire: above TCP or UDP, for a lone 64 B message.");
        console.WriteLine("text: a file sent line by line as JSON and as Protobuf, checked. All on loopback, both ends in this process.");
    }

    private static Text Figure(double? value, string format)
        => new(value is { } figure ? figure.ToString(format, CultureInfo.InvariantCulture) : "-");

    private static Text Verdict(CompareRow row) => row switch
    {
        { Verified: true } => new Text("verified", new Style(Color.Green)),
        { Available: false } => new Text(row.Reason ?? "not available", new Style(Color.Yellow)),
        _ => new Text("FAILED: " + row.Reason, new Style(Color.Red)),
    };
}
