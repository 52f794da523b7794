using System.Globalization;
using OxyPlot;
using OxyPlot.Annotations;
using OxyPlot.Axes;
using OxyPlot.Legends;
using OxyPlot.Series;

namespace Transports.Benchmarks;

/// <summary>The charts. Dots and not bars: the axes are logarithmic, and a bar's length would say nothing there.</summary>
internal static class Charts
{
    private const double Width = 860;
    private const double RowHeight = 22;
    private const double Around = 130;
    private const double MarkSize = 5;
    private const double FontSize = 12;

    // No font is asked how wide it is, and sans-serif is another one for each reader: room for a wide one.
    private const double LetterWidth = 0.62 * FontSize;
    private const double BottomMargin = 56;

    // The exporter cuts a legend's text where a narrow font would end.
    private const string LegendRoom = "\u00A0\u00A0\u00A0\u00A0\u00A0\u00A0";

    // What is shown left and right of the outermost marks, as a factor.
    private const double Beyond = 1.15;

    /// <summary>Draws what there are results for.</summary>
    /// <param name="results">The results, in the order in which they are to stand.</param>
    /// <param name="theme">The colors.</param>
    /// <param name="machine">The subtitle, or empty.</param>
    /// <returns>Names of files and their content.</returns>
    public static IEnumerable<(string Name, string Svg)> Draw(IReadOnlyList<BenchmarkResult> results, Theme theme, string machine)
    {
        BenchmarkResult[] rates = [.. results.Where(static result => !result.LessIsBetter)];
        BenchmarkResult[] costs = [.. results.Where(static result => result.LessIsBetter)];
        if (rates.Length > 0)
        {
            yield return ("ratios", Export(Ratios(rates, "Rate beside the same work by hand (right is better)", theme, machine), rates.Length));
        }

        if (costs.Length > 0)
        {
            yield return ("costs", Export(Ratios(costs, "Time or memory beside the same by hand (left is better)", theme, machine), costs.Length));
        }

        foreach (var unit in rates.GroupBy(static result => result.Unit))
        {
            BenchmarkResult[] ofUnit = [.. unit];
            yield return (FileNameOf(unit.Key), Export(Values(ofUnit, theme, machine), ofUnit.Length));
        }
    }

    private static string FileNameOf(string unit) => unit.Replace("/s", "", StringComparison.Ordinal);

    private static PlotModel Ratios(BenchmarkResult[] results, string title, Theme theme, string machine)
    {
        var model = NewModel(results, title, "ratio to by hand: the rounds' median, and from the smallest to the largest", results.SelectMany(static result => new[] { result.RatioMin, result.RatioMax, 1 }), theme, machine);
        model.Annotations.Add(new LineAnnotation
        {
            Type = LineAnnotationType.Vertical,
            X = 1,
            Color = theme.ByHand,
            StrokeThickness = 1.5,
            LineStyle = LineStyle.Dash,
        });
        for (var i = 0; i < results.Length; i++)
        {
            var spread = new LineSeries { Color = theme.Library, StrokeThickness = 2 };
            spread.Points.Add(new DataPoint(results[i].RatioMin, RowOf(i, results)));
            spread.Points.Add(new DataPoint(results[i].RatioMax, RowOf(i, results)));
            model.Series.Add(spread);
        }

        model.Series.Add(Marks(results, static result => result.Ratio, MarkerType.Circle, theme.Library, title: null));
        return model;
    }

    private static PlotModel Values(BenchmarkResult[] results, Theme theme, string machine)
    {
        var unit = results[0].Unit;
        var model = NewModel(results, $"{char.ToUpperInvariant(unit[0])}{unit[1..]} (right is better)", unit, results.SelectMany(static result => new[] { result.Value, result.BaselineValue }), theme, machine);
        model.Legends.Add(new Legend
        {
            LegendPosition = LegendPosition.TopLeft,
            LegendPlacement = LegendPlacement.Outside,
            LegendOrientation = LegendOrientation.Horizontal,
            LegendTextColor = theme.Text,
            LegendColumnSpacing = 3 * FontSize,
            LegendItemSpacing = 3 * FontSize,
        });
        model.Series.Add(Marks(results, static result => result.BaselineValue, MarkerType.Diamond, theme.ByHand, "by hand" + LegendRoom));
        model.Series.Add(Marks(results, static result => result.Value, MarkerType.Circle, theme.Library, "Transports" + LegendRoom));
        return model;
    }

    private static PlotModel NewModel(BenchmarkResult[] results, string title, string axisTitle, IEnumerable<double> shown, Theme theme, string machine)
    {
        var values = shown.Where(static value => value > 0).ToArray();
        var model = new PlotModel
        {
            Title = title,
            TitleFontSize = 15,
            TitlePadding = FontSize,
            DefaultFontSize = FontSize,
            DefaultFont = "sans-serif",
            Background = theme.Background,
            TextColor = theme.Text,
            TitleColor = theme.Text,
            PlotAreaBorderColor = theme.Grid,
            PlotMargins = new OxyThickness(results.Max(static result => result.Workload.Length) * LetterWidth, double.NaN, 2 * FontSize, BottomMargin),
        };
        model.Axes.Add(new LogarithmicAxis
        {
            Position = AxisPosition.Bottom,
            Title = machine.Length > 0 ? $"{axisTitle} ({machine})" : axisTitle,
            AxisTitleDistance = FontSize,
            Minimum = values.Min() / Beyond,
            Maximum = values.Max() * Beyond,
            MajorGridlineStyle = LineStyle.Solid,
            MajorGridlineColor = theme.Grid,
            MinorTicklineColor = theme.Grid,
            TicklineColor = theme.Text,
            LabelFormatter = Short,
        });

        // From top to bottom in the order of the results.
        model.Axes.Add(new LinearAxis
        {
            Position = AxisPosition.Left,
            Minimum = -0.6,
            Maximum = results.Length - 0.4,
            MajorStep = 1,
            MinorTickSize = 0,
            MajorGridlineStyle = LineStyle.Dot,
            MajorGridlineColor = theme.Grid,
            TicklineColor = theme.Text,
            LabelFormatter = row => row == Math.Floor(row) && row >= 0 && row < results.Length ? results[^((int)row + 1)].Workload : "",
        });
        return model;
    }

    private static string Short(double value) => value switch
    {
        // A grid line may be a hair below its number.
        >= 0.9999e6 => string.Create(CultureInfo.InvariantCulture, $"{value / 1e6:0.###}M"),
        >= 0.9999e3 => string.Create(CultureInfo.InvariantCulture, $"{value / 1e3:0.###}k"),
        _ => value.ToString("0.###", CultureInfo.InvariantCulture),
    };

    private static ScatterSeries Marks(BenchmarkResult[] results, Func<BenchmarkResult, double> value, MarkerType type, OxyColor color, string? title)
    {
        var series = new ScatterSeries { MarkerType = type, MarkerSize = MarkSize, MarkerFill = color, Title = title };
        for (var i = 0; i < results.Length; i++)
        {
            series.Points.Add(new ScatterPoint(value(results[i]), RowOf(i, results)));
        }

        return series;
    }

    private static int RowOf(int index, BenchmarkResult[] results) => results.Length - 1 - index;

    // The text stays text, in the reader's own font.
    private static string Export(PlotModel model, int rows)
        => new SvgExporter { Width = Width, Height = Around + (rows * RowHeight), UseVerticalTextAlignmentWorkaround = true }.ExportToString(model);
}
