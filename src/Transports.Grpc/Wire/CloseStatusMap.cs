using System.Globalization;

namespace Transports.Grpc;

/// <summary>gRPC statuses and close statuses, both ways. The table stands in <see cref="GrpcTransport"/>'s remarks.</summary>
internal static class CloseStatusMap
{
    // gRPC has codes for what went wrong with a call and none for, say, "the server is leaving"; between two ends of this
    // library the exact close status goes along in a trailer that others ignore.
    public const string CloseStatusTrailer = "transports-close-status";

    public static GrpcStatusCode ToGrpc(ChannelCloseStatus status) => status switch
    {
        ChannelCloseStatus.Normal => GrpcStatusCode.OK,
        ChannelCloseStatus.GoingAway => GrpcStatusCode.Unavailable,
        ChannelCloseStatus.ProtocolError => GrpcStatusCode.Internal,
        ChannelCloseStatus.MessageTooLarge => GrpcStatusCode.ResourceExhausted,
        ChannelCloseStatus.PolicyViolation => GrpcStatusCode.PermissionDenied,
        ChannelCloseStatus.InternalError => GrpcStatusCode.Unknown,
        ChannelCloseStatus.TimedOut => GrpcStatusCode.DeadlineExceeded,
        ChannelCloseStatus.ConnectionLost => GrpcStatusCode.Unavailable,
        ChannelCloseStatus.Aborted => GrpcStatusCode.Cancelled,
        _ => GrpcStatusCode.Unknown,
    };

    public static ChannelCloseStatus FromGrpc(GrpcStatusCode code) => code switch
    {
        GrpcStatusCode.OK => ChannelCloseStatus.Normal,
        GrpcStatusCode.Cancelled => ChannelCloseStatus.Aborted,
        GrpcStatusCode.DeadlineExceeded => ChannelCloseStatus.TimedOut,
        GrpcStatusCode.ResourceExhausted => ChannelCloseStatus.MessageTooLarge,
        GrpcStatusCode.Unimplemented => ChannelCloseStatus.ProtocolError,

        // Not GoingAway, which is a clean end: a call refused for load must not look like one with no answer.
        GrpcStatusCode.Unavailable => ChannelCloseStatus.ConnectionLost,
        GrpcStatusCode.Unknown or GrpcStatusCode.Internal or GrpcStatusCode.DataLoss => ChannelCloseStatus.InternalError,
        GrpcStatusCode.InvalidArgument or GrpcStatusCode.NotFound or GrpcStatusCode.AlreadyExists or GrpcStatusCode.PermissionDenied
            or GrpcStatusCode.FailedPrecondition or GrpcStatusCode.Aborted or GrpcStatusCode.OutOfRange
            or GrpcStatusCode.Unauthenticated => ChannelCloseStatus.PolicyViolation,
        _ => ChannelCloseStatus.InternalError,
    };

    /// <summary>What a peer's status means to the channel.</summary>
    /// <param name="status">The status.</param>
    /// <param name="exact">The peer's close status trailer, or <see langword="null"/>.</param>
    public static ChannelCloseInfo ToCloseInfo(GrpcStatus status, string? exact = null)
    {
        var close = FromGrpc(status.Code);

        // Believed only where it goes with the code: a failure must not be made to look like a clean end.
        if (exact is not null && Enum.TryParse<ChannelCloseStatus>(exact, out var named) && Enum.IsDefined(named) && ToGrpc(named) == status.Code)
        {
            close = named;
        }

        return new ChannelCloseInfo(close, IsRemote: true, status.Message, (long)status.Code);
    }

    /// <summary>The status of a call that ended without one of the server's; <see langword="null"/> where this side has closed it gracefully.</summary>
    public static GrpcStatus? ToStatus(ChannelCloseInfo end)
    {
        if (!end.IsRemote && end.Status is ChannelCloseStatus.Normal or ChannelCloseStatus.GoingAway)
        {
            return null;
        }

        var code = end.ProtocolErrorCode is { } told && Enum.IsDefined((GrpcStatusCode)told) ? (GrpcStatusCode)told : ToGrpc(end.Status);
        return new GrpcStatus(code, end.Description ?? end.Exception?.Message);
    }

    /// <summary>A reset's meaning (PROTOCOL-HTTP2.md, "Errors"), with HTTP/3's codes of the same meaning (RFC 9114, section 8.1).</summary>
    public static GrpcStatusCode FromHttpError(long errorCode) => errorCode switch
    {
        0x107 => GrpcStatusCode.ResourceExhausted, // H3_EXCESSIVE_LOAD
        0x10b => GrpcStatusCode.Unavailable, // H3_REQUEST_REJECTED
        0x10c => GrpcStatusCode.Cancelled, // H3_REQUEST_CANCELLED
        0x7 => GrpcStatusCode.Unavailable, // REFUSED_STREAM
        0x8 => GrpcStatusCode.Cancelled, // CANCEL
        0xb => GrpcStatusCode.ResourceExhausted, // ENHANCE_YOUR_CALM
        0xc => GrpcStatusCode.PermissionDenied, // INADEQUATE_SECURITY
        _ => GrpcStatusCode.Internal,
    };

    /// <summary>The meaning of a response without a gRPC status (grpc/grpc, <c>doc/http-grpc-status-mapping.md</c>).</summary>
    public static GrpcStatusCode FromHttpStatus(int status) => status switch
    {
        400 => GrpcStatusCode.Internal,
        401 => GrpcStatusCode.Unauthenticated,
        403 => GrpcStatusCode.PermissionDenied,
        404 => GrpcStatusCode.Unimplemented,
        429 or 502 or 503 or 504 => GrpcStatusCode.Unavailable,
        _ => GrpcStatusCode.Unknown,
    };

    public static GrpcStatus Parse(string code, string? message)
        => new(
            int.TryParse(code, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && Enum.IsDefined((GrpcStatusCode)number)
                ? (GrpcStatusCode)number
                : GrpcStatusCode.Unknown,
            string.IsNullOrEmpty(message) ? null : PercentEncoding.Decode(message));
}
