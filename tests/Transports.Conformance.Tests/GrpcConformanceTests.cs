using System.Net;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Transports.Conformance.Tests;

public class GrpcConformanceTests : TransportConformanceTests
{
    // A request and a stream each.
    protected override int ConnectionCount => 1_000;

    // What lies between is HTTP/2's windows and the server's own buffers.
    protected override ITransport CreateTransport(ConformanceOptions options)
        => options.Side == ChannelSide.Client
            ? new GrpcTransport(Configure(options.ApplyTo(new GrpcTransportOptions())))
            : new KestrelTransport(Configure(options.ApplyTo(new KestrelTransportOptions())));

    protected override Uri CreateListenAddress() => new("grpc+http://localhost:0");

    protected virtual GrpcTransportOptions Configure(GrpcTransportOptions options) => options;

    protected virtual KestrelTransportOptions Configure(KestrelTransportOptions options) => options;
}

public class SecureGrpcConformanceTests : GrpcConformanceTests
{
    protected override Uri CreateListenAddress() => new("grpc+https://localhost:0");

    protected override GrpcTransportOptions Configure(GrpcTransportOptions options)
    {
        options.Tls.TrustedRoots = TestCertificates.Shared.Roots;
        return options;
    }

    protected override KestrelTransportOptions Configure(KestrelTransportOptions options)
    {
        options.Tls.Certificate = TestCertificates.Shared.Server;
        return options;
    }
}

public sealed class Http3GrpcConformanceTests : SecureGrpcConformanceTests
{
    // MsQuic's, shared by its connections and closed later.
    protected override int AllowedExtraSockets => 32;

    protected override GrpcTransportOptions Configure(GrpcTransportOptions options)
    {
        options.HttpVersion = HttpVersion.Version30;
        return base.Configure(options);
    }

    protected override KestrelTransportOptions Configure(KestrelTransportOptions options)
    {
        options.Protocols = HttpProtocols.Http3;
        return base.Configure(options);
    }
}
