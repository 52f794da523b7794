namespace Transports;

/// <summary>How gRPC and gRPC-Web calls are served.</summary>
public sealed class GrpcServerOptions
{
    /// <summary>Accept gzip from clients, and use it for those that accept it. Default off: secrets beside text that an attacker chooses should not be compressed, and small messages gain nothing.</summary>
    public bool EnableCompression { get; set; }

    /// <summary>The smallest message compressed, in bytes. Default 1 KiB; from 0 to 1 GiB.</summary>
    public int CompressionThreshold { get; set; } = 1024;

    /// <summary>Checks the values.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A value is out of its range; the message names it and the range.</exception>
    public void Validate() => OptionGuard.ThrowIfOutOfRange(CompressionThreshold, 0, 1024 * 1024 * 1024, nameof(CompressionThreshold));

    internal GrpcCompression CreateCompression() => new() { IsEnabled = EnableCompression, Threshold = CompressionThreshold };
}
