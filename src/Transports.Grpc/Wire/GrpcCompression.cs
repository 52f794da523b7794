namespace Transports.Grpc;

/// <summary>What is compressed on one call. The direction received is known when the peer's headers are.</summary>
internal sealed class GrpcCompression
{
    public const string Gzip = "gzip";

    /// <summary>Whether this side offers and accepts gzip.</summary>
    public required bool IsEnabled { get; init; }

    /// <summary>Whether what is sent is declared as gzip. Set before the first message.</summary>
    public bool CompressesSent { get; set; }

    /// <summary>The smallest message worth compressing, in bytes.</summary>
    public int Threshold { get; init; }

    /// <summary>The peer's <c>grpc-encoding</c>, or <see langword="null"/> for none. Set before the first byte of a body is decoded.</summary>
    public string? ReceivedEncoding { get; set; }

    /// <summary>What goes into <c>grpc-accept-encoding</c>.</summary>
    public string AcceptedEncodings => IsEnabled ? "identity,gzip" : "identity";

    public static bool IsIdentity(string? encoding) => string.IsNullOrEmpty(encoding) || encoding == "identity";

    public bool CanReceive(string? encoding) => IsIdentity(encoding) || (IsEnabled && encoding == Gzip);
}
