namespace Transports;

/// <summary>The status codes of gRPC (grpc/grpc, <c>doc/statuscodes.md</c>).</summary>
public enum GrpcStatusCode
{
    /// <summary>Success.</summary>
    OK = 0,

    /// <summary>The operation was cancelled, usually by the caller.</summary>
    Cancelled = 1,

    /// <summary>An error of which nothing else is known; also a handler that threw.</summary>
    Unknown = 2,

    /// <summary>The client gave an argument that is wrong whatever the state of the system.</summary>
    InvalidArgument = 3,

    /// <summary>The deadline passed before the operation was complete.</summary>
    DeadlineExceeded = 4,

    /// <summary>What was asked for does not exist.</summary>
    NotFound = 5,

    /// <summary>What should be created exists already.</summary>
    AlreadyExists = 6,

    /// <summary>The caller may not do this.</summary>
    PermissionDenied = 7,

    /// <summary>Something is used up, a quota or a size limit.</summary>
    ResourceExhausted = 8,

    /// <summary>The system is not in the state that the operation needs.</summary>
    FailedPrecondition = 9,

    /// <summary>The operation was aborted, typically by a conflict with another.</summary>
    Aborted = 10,

    /// <summary>Past the valid range.</summary>
    OutOfRange = 11,

    /// <summary>The method is unknown or not supported.</summary>
    Unimplemented = 12,

    /// <summary>An invariant is broken; also bytes that are not the protocol.</summary>
    Internal = 13,

    /// <summary>The service is not available now; trying again may help.</summary>
    Unavailable = 14,

    /// <summary>Data was lost for good.</summary>
    DataLoss = 15,

    /// <summary>The caller did not prove who it is.</summary>
    Unauthenticated = 16,
}
