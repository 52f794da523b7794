namespace Transports.Testing;

/// <summary>How a call ended.</summary>
internal enum ModelOutcome
{
    /// <summary>It has not.</summary>
    Pending,
    Done,

    /// <summary>By its token: nothing was sent.</summary>
    Cancelled,

    /// <summary>There was no room: nothing was sent.</summary>
    NoRoom,

    /// <summary>The call was not allowed: nothing was sent.</summary>
    Refused,

    /// <summary>The channel had ended, or ended meanwhile. Of a send: it may have arrived, whole.</summary>
    Closed,

    /// <summary>With an exception that the contract does not know.</summary>
    Unexpected,
}
