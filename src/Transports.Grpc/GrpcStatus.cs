namespace Transports;

/// <summary>How a gRPC call ended: what its trailers say.</summary>
/// <param name="Code">The code, <c>grpc-status</c>.</param>
/// <param name="Message">The text, <c>grpc-message</c>, decoded; <see langword="null"/> where there is none.</param>
public readonly record struct GrpcStatus(GrpcStatusCode Code, string? Message = null);
