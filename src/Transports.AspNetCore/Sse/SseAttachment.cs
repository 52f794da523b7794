namespace Transports.AspNetCore;

/// <summary>What becomes of a response that a client has asked for.</summary>
internal enum SseAttachment
{
    /// <summary>It is the session's, and has what its client missed.</summary>
    Attached,

    /// <summary>The session is over, and its client has all of it.</summary>
    Over,

    /// <summary>The client names an event that was never sent.</summary>
    Unknown,

    /// <summary>Events that the client has not seen are not kept any more: its session cannot go on.</summary>
    EventsLost,
}
