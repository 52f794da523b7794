using System.Globalization;

namespace Transports;

/// <summary>How much the model test of a transport tries, and which departures from the contract it is told to overlook.</summary>
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

    /// <summary>Overlooks that disposing a channel gives the memory of a message that is still lent to the next renter.</summary>
    public bool KnownDisposeTakesLentMemory { get; init; }

    /// <summary>Overlooks that messages which have arrived are lost when a send of the receiving side fails, or when the peer closes with an error.</summary>
    public bool KnownFailureDropsWhatArrived { get; init; }

    /// <summary>Overlooks that an orderly end is told, though messages were lost, after a failed send has used up the socket's error.</summary>
    public bool KnownFailedSendHidesTheLoss { get; init; }

    /// <summary>Overlooks that a peer's orderly close is seen as a lost connection.</summary>
    public bool KnownCloseSeenAsLoss { get; init; }

    /// <summary>Overlooks that Abort, CloseAsync and DisposeAsync run waiting callers' code on their own stack.</summary>
    public bool KnownEnderRunsUserCode { get; init; }

    /// <summary>Overlooks that callers learn of an end before <see cref="IMessageChannel.Closed"/> has completed.</summary>
    public bool KnownEndToldBeforeClosed { get; init; }

    /// <summary>Overlooks that a half-close which waits when the peer closes ends as if sending had been completed before.</summary>
    public bool KnownCloseFailsAHalfClose { get; init; }

    internal static int? OnlySeed => Number("TRANSPORTS_MODEL_SEED");

    internal IEnumerable<int> AllSeeds => OnlySeed is { } only ? [only] : Enumerable.Range(FirstSeed, Seeds);

    private static int? Number(string variable)
        => int.TryParse(Environment.GetEnvironmentVariable(variable), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;
}
