namespace Transports.Testing.Tests;

/// <summary>What a <see cref="BrokenChannel"/> does wrong.</summary>
public enum BrokenPromise
{
    LosesAMessage,
    DoublesAMessage,
    SwapsMessages,
    BreaksBatches,
    SendsWhatWasCancelled,
    SendsFromTheCallersMemoryLater,
    ChangesAByte,
    ChangesTheKind,
    TellsTheEndTooEarly,
    TellsTwoEnds,
    NeverEndsAFlush,
    ThrowsSomethingElse,
    ThrowsFromClose,
    AcceptsAfterTheEnd,
    TriesAndLosesIt,
    SaysThereIsNoRoomAndSends,
    NeverHasRoom,
    HasNoRoomAfterTheEnd,
    WaitsForRoom,
}
