using Transports;
using static GrpcBridge.HealthCheckResponse.Types;

namespace GrpcBridge;

/// <summary><c>grpc.health.v1.Health</c> as handlers of channels: they do not know whether gRPC, TCP or a WebSocket carries them.</summary>
internal sealed class HealthHandlers(HealthBoard board)
{
    /// <summary>One request, one response; over transports without gRPC's method, as many as the client likes.</summary>
    public async Task CheckAsync(IMessageChannel channel, CancellationToken stoppingToken)
    {
        var typed = channel.WithProtobuf<HealthCheckResponse, HealthCheckRequest>();
        await foreach (var request in typed.ReceiveAllAsync(stoppingToken))
        {
            if (board.Get(request.Service).Status is not { } status)
            {
                // gRPC clients are told with a status; elsewhere there is none to tell.
                if (channel.GetFeature<IGrpcServerCallFeature>() is { } call)
                {
                    call.SetStatus(GrpcStatusCode.NotFound, $"Nothing is known of '{request.Service}'.");
                    return;
                }

                status = ServingStatus.ServiceUnknown;
            }

            await typed.SendAsync(new HealthCheckResponse { Status = status }, stoppingToken);
        }
    }

    /// <summary>One request, and a response now and at every change.</summary>
    public async Task WatchAsync(IMessageChannel channel, CancellationToken stoppingToken)
    {
        var typed = channel.WithProtobuf<HealthCheckResponse, HealthCheckRequest>();
        if (!(await typed.ReceiveAsync(stoppingToken)).TryGetValue(out var request))
        {
            return;
        }

        ServingStatus? told = null;
        while (!channel.Closed.IsCompleted)
        {
            var (known, changed) = board.Get(request.Service);
            var status = known ?? ServingStatus.ServiceUnknown;
            if (status != told)
            {
                await typed.SendAsync(new HealthCheckResponse { Status = status }, stoppingToken);
                told = status;
            }

            await Task.WhenAny(changed, channel.Closed).WaitAsync(stoppingToken);
        }
    }
}
