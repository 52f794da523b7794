using OxyPlot;

namespace Transports.Benchmarks;

/// <summary>Colors for a page. The two marks differ in shape too, for who can't tell their colors apart.</summary>
/// <param name="Name">The last part of a file's name.</param>
/// <param name="Background">The page.</param>
/// <param name="Text">What is to be read.</param>
/// <param name="Grid">Lines behind the marks.</param>
/// <param name="Library">The library's marks.</param>
/// <param name="ByHand">The marks of what stands beside it.</param>
internal sealed record Theme(string Name, OxyColor Background, OxyColor Text, OxyColor Grid, OxyColor Library, OxyColor ByHand)
{
    /// <summary>Each chart is drawn in each of these.</summary>
    public static IReadOnlyList<Theme> All { get; } =
    [
        new("light", OxyColors.White, OxyColor.FromRgb(0x1F, 0x23, 0x28), OxyColor.FromRgb(0xD1, 0xD9, 0xE0), OxyColor.FromRgb(0x09, 0x69, 0xDA), OxyColor.FromRgb(0x9A, 0x67, 0x00)),
        new("dark", OxyColor.FromRgb(0x0D, 0x11, 0x17), OxyColor.FromRgb(0xF0, 0xF6, 0xFC), OxyColor.FromRgb(0x3D, 0x44, 0x4D), OxyColor.FromRgb(0x4C, 0x93, 0xF8), OxyColor.FromRgb(0xD2, 0x99, 0x22)),
    ];
}
