using Google.Protobuf;
using Google.Rpc;
using Grpc.Core;
using Transports.Neighbor;

namespace Transports.Grpc.Tests;

/// <summary>The service on .NET's own server. What it does is said by the request's metadata.</summary>
internal sealed class NeighborService(NeighborService.Record record) : Shapes.ShapesBase
{
    public static Google.Rpc.Status RichStatus { get; } = new()
    {
        Code = (int)Code.InvalidArgument,
        Message = "name fehlt: ü",
        Details = { Google.Protobuf.WellKnownTypes.Any.Pack(new BadRequest { FieldViolations = { new BadRequest.Types.FieldViolation { Field = "name" } } }) },
    };

    public override async Task<Item> One(Item request, ServerCallContext context)
    {
        await PrepareAsync(context);
        return request;
    }

    public override async Task Down(Item request, IServerStreamWriter<Item> responseStream, ServerCallContext context)
    {
        for (var i = 0; i < request.Number; i++)
        {
            await responseStream.WriteAsync(new Item { Body = request.Body, Number = i });
        }

        await PrepareAsync(context);
    }

    public override async Task<Item> Up(IAsyncStreamReader<Item> requestStream, ServerCallContext context)
    {
        var sum = 0;
        while (await requestStream.MoveNext(context.CancellationToken))
        {
            sum += requestStream.Current.Number;
            if (context.RequestHeaders.Get("early") is not null)
            {
                break;
            }
        }

        await PrepareAsync(context);
        return new Item { Number = sum };
    }

    public override async Task Both(IAsyncStreamReader<Item> requestStream, IServerStreamWriter<Item> responseStream, ServerCallContext context)
    {
        try
        {
            while (await requestStream.MoveNext(context.CancellationToken))
            {
                await responseStream.WriteAsync(requestStream.Current);
                if (context.RequestHeaders.Get("early") is not null)
                {
                    break;
                }
            }
        }
        catch (Exception) when (context.CancellationToken.IsCancellationRequested)
        {
            record.Cancelled.TrySetResult();
            throw;
        }

        await PrepareAsync(context);
    }

    private static async Task PrepareAsync(ServerCallContext context)
    {
        var headers = context.RequestHeaders;
        if (headers.Get("echo") is { } echo)
        {
            await context.WriteResponseHeadersAsync(new Metadata { { "echo", echo.Value } });
            context.ResponseTrailers.Add("echo-bin", headers.GetValueBytes("echo-bin")!);
        }

        if (headers.Get("wait") is not null)
        {
            await Task.Delay(Timeout.Infinite, context.CancellationToken);
        }

        if (headers.Get("rich") is not null)
        {
            throw RichStatus.ToRpcException();
        }

        if (headers.Get("status") is { } status)
        {
            throw new RpcException(new global::Grpc.Core.Status((StatusCode)int.Parse(status.Value, System.Globalization.CultureInfo.InvariantCulture), "words: ü"));
        }
    }

    /// <summary>What the service has seen.</summary>
    internal sealed class Record
    {
        public TaskCompletionSource Cancelled { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
