namespace Transports.Testing;

/// <summary>What one step of a program does.</summary>
internal enum ModelOpKind
{
    /// <summary>Sends one message or a batch.</summary>
    Send,

    /// <summary>Sends one message if there is room.</summary>
    TrySend,

    /// <summary>Sends a message over the limit, alone or behind one within it: refused.</summary>
    SendTooLarge,
    Flush,
    Receive,
    TryReceive,

    /// <summary>Looks at the lent message again.</summary>
    ReadLent,

    /// <summary>Keeps the lent message to the end of the program.</summary>
    Retain,
    CompleteSending,
    Close,
    Abort,
    Dispose,
}
