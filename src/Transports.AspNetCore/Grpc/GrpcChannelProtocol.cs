using Microsoft.AspNetCore.Http;

namespace Transports.AspNetCore;

/// <summary>gRPC over HTTP/2, and gRPC-Web over any version, told apart by the content type.</summary>
/// <param name="runner">Runs the channels.</param>
/// <param name="hasEnvelope">Whether messages travel in a <c>transports.v1.Message</c>; by default so when the path is that service's method.</param>
internal sealed class GrpcChannelProtocol(ChannelRunner runner, bool? hasEnvelope = null) : IChannelProtocol
{
    public string Expects => "a gRPC or gRPC-Web call (POST with content type application/grpc, application/grpc-web or application/grpc-web-text)";

    public string Method => HttpMethods.Post;

    public bool Recognizes(HttpContext context) => GrpcRequest.IsCall(context.Request);

    public Task InvokeAsync(HttpContext context) => GrpcCallHandler.HandleAsync(
        context,
        hasEnvelope ?? GrpcAddress.MethodOf(context.Request.Path.Value ?? "") == Envelope.Method,
        runner.Options.Channels,
        runner.Options.Grpc.CreateCompression(),
        runner.Logger,
        channel => runner.RunAsync(context, channel));
}
