namespace Transports;

/// <summary>Limits and settings of gRPC channels on the server.</summary>
public class GrpcServerOptions : MessageChannelOptions
{
    /// <summary>Accept gzip from clients, and use it for those that accept it. Default off: secrets beside text that an attacker chooses should not be compressed, and small messages gain nothing.</summary>
    public bool EnableGzip { get; set; }

    /// <summary>The smallest message compressed, in bytes. Default 1 KiB; from 0 to 1 GiB.</summary>
    public int GzipThreshold { get; set; } = 1024;

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        OptionChecks.InRange(GzipThreshold, 0, 1024 * 1024 * 1024, nameof(GzipThreshold));
    }
}
