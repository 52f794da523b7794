using System.Globalization;

namespace Transports.Testing;

/// <summary>How much the model test of a transport tries.</summary>
public sealed record ContractModelOptions
{
    /// <summary>How many random programs are run, one a seed. Default 40; the environment variable <c>TRANSPORTS_MODEL_SEEDS</c> overrides it.</summary>
    public int Seeds { get; init; } = Number("TRANSPORTS_MODEL_SEEDS") ?? 40;

    /// <summary>The first seed. Default 1. The environment variable <c>TRANSPORTS_MODEL_SEED</c> runs that seed alone.</summary>
    public int FirstSeed { get; init; } = 1;

    /// <summary>
    /// How long nothing may move before the test goes on to its next stage, in which it lets slow receivers read and in the end disposes
    /// both ends. Default 50 ms. Not a measure of speed: programs whose calls all end by themselves never wait for it.
    /// </summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromMilliseconds(50);

    /// <summary>How long a call may take to end once nothing is in its way, before it counts as never ending. Default 30 seconds.</summary>
    public TimeSpan HangTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How often the order of a program that failed is tried again, to tell in how many of them it fails. Default 20; 0 for not at all.</summary>
    public int Replays { get; init; } = 20;

    internal static int? OnlySeed => Number("TRANSPORTS_MODEL_SEED");

    internal IEnumerable<int> AllSeeds => OnlySeed is { } only ? [only] : Enumerable.Range(FirstSeed, Seeds);

    private static int? Number(string variable)
        => int.TryParse(Environment.GetEnvironmentVariable(variable), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;
}
