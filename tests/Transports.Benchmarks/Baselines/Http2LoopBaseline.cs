using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Transports.Benchmarks;

/// <summary>
/// What gRPC libraries do on HTTP/2, by hand: a prefix of five bytes and the payload, written and flushed for each message, on the same
/// SocketsHttpHandler and Kestrel with the same windows as the transport.
/// </summary>
internal sealed class Http2LoopBaseline : IBenchmarkSide
{
    private const int HeaderSize = 5;
    private const int Window = 1024 * 1024;

    private readonly Work _work;
    private readonly byte[] _frame;
    private readonly List<(Stream Output, Stream Input, Body Body)> _streams = [];
    private WebApplication? _application;
    private HttpMessageInvoker? _client;
    private long _missing;
    private TaskCompletionSource _arrived = new();

    private Http2LoopBaseline(Work work)
    {
        _work = work;
        _frame = new byte[HeaderSize + work.PayloadSize];
        BinaryPrimitives.WriteInt32BigEndian(_frame.AsSpan(1), work.PayloadSize);
        _frame.AsSpan(HeaderSize).Fill(0x2A);
    }

    public static async Task<IBenchmarkSide> OpenAsync(Work work, X509Certificate2? certificate)
    {
        var side = new Http2LoopBaseline(work);
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore();
        if (certificate is not null)
        {
            builder.WebHost.UseKestrelHttpsConfiguration();
        }

        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.Limits.Http2.InitialStreamWindowSize = Window;
            kestrel.Limits.Http2.InitialConnectionWindowSize = 2 * Window;
            kestrel.Limits.MinRequestBodyDataRate = null;
            kestrel.Limits.MaxRequestBodySize = null;
            kestrel.Listen(IPAddress.Loopback, 0, listen =>
            {
                listen.Protocols = HttpProtocols.Http2;
                if (certificate is not null)
                {
                    listen.UseHttps(certificate);
                }
            });
        });
        side._application = builder.Build();
        side._application.Run(work.Pattern == WorkPattern.Flood ? side.CountAsync : EchoAsync);
        await side._application.StartAsync();

        var handler = new SocketsHttpHandler { UseProxy = false, InitialHttp2StreamWindowSize = Window, EnableMultipleHttp2Connections = true };
        if (certificate is not null)
        {
            handler.SslOptions.RemoteCertificateValidationCallback = (_, presented, _, _) => presented!.GetCertHashString() == certificate.GetCertHashString();
        }

        side._client = new HttpMessageInvoker(handler);
        for (var i = 0; i < work.Connections; i++)
        {
            var body = new Body();
            var sending = side._client.SendAsync(
                new HttpRequestMessage(HttpMethod.Post, side._application.Urls.First())
                {
                    Version = HttpVersion.Version20,
                    VersionPolicy = HttpVersionPolicy.RequestVersionExact,
                    Content = body,
                },
                CancellationToken.None);
            var output = await body.Started;
            await output.FlushAsync();
            var response = await sending;
            side._streams.Add((output, await response.Content.ReadAsStreamAsync(), body));
        }

        return side;
    }

    public async Task RunAsync(long messages)
    {
        var each = messages / _streams.Count;
        if (_work.Pattern == WorkPattern.PingPong)
        {
            await Task.WhenAll(_streams.Select(stream => Task.Run(() => PingPongAsync(stream.Output, stream.Input, each))));
            return;
        }

        _arrived = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Volatile.Write(ref _missing, each * _streams.Count);
        await Task.WhenAll(_streams.Select(stream => Task.Run(() => FloodAsync(stream.Output, each))));
        await _arrived.Task;
    }

    public async ValueTask DisposeAsync()
    {
        _streams.ForEach(static stream => stream.Body.Finish());
        _client?.Dispose();
        using var now = new CancellationTokenSource(TimeSpan.FromSeconds(1));
        await _application!.StopAsync(now.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _application.DisposeAsync();
    }

    private static bool TryTakeFrame(ref ReadOnlySequence<byte> buffer, out ReadOnlySequence<byte> frame)
    {
        frame = default;
        if (buffer.Length < HeaderSize)
        {
            return false;
        }

        Span<byte> header = stackalloc byte[HeaderSize];
        buffer.Slice(0, HeaderSize).CopyTo(header);
        var length = HeaderSize + BinaryPrimitives.ReadInt32BigEndian(header[1..]);
        if (buffer.Length < length)
        {
            return false;
        }

        frame = buffer.Slice(0, length);
        buffer = buffer.Slice(length);
        return true;
    }

    private static async Task EchoAsync(HttpContext context)
    {
        await BeginAsync(context);
        while (true)
        {
            var result = await context.Request.BodyReader.ReadAsync();
            var buffer = result.Buffer;
            while (TryTakeFrame(ref buffer, out var frame))
            {
                foreach (var piece in frame)
                {
                    context.Response.BodyWriter.Write(piece.Span);
                }

                await context.Response.BodyWriter.FlushAsync();
            }

            context.Request.BodyReader.AdvanceTo(buffer.Start, buffer.End);
            if (result.IsCompleted)
            {
                return;
            }
        }
    }

    private static async Task BeginAsync(HttpContext context)
    {
        context.Features.Get<IHttpMaxRequestBodySizeFeature>()!.MaxRequestBodySize = null;
        await context.Response.BodyWriter.FlushAsync();
    }

    private async Task CountAsync(HttpContext context)
    {
        await BeginAsync(context);
        while (true)
        {
            var result = await context.Request.BodyReader.ReadAsync();
            var buffer = result.Buffer;
            while (TryTakeFrame(ref buffer, out _))
            {
                if (Interlocked.Decrement(ref _missing) == 0)
                {
                    _arrived.SetResult();
                }
            }

            context.Request.BodyReader.AdvanceTo(buffer.Start, buffer.End);
            if (result.IsCompleted)
            {
                return;
            }
        }
    }

    private async Task PingPongAsync(Stream output, Stream input, long messages)
    {
        var buffer = new byte[_frame.Length];
        for (long i = 0; i < messages; i++)
        {
            await output.WriteAsync(_frame);
            await output.FlushAsync();
            await input.ReadExactlyAsync(buffer);
        }
    }

    private async Task FloodAsync(Stream output, long messages)
    {
        for (long i = 0; i < messages; i++)
        {
            await output.WriteAsync(_frame);
            await output.FlushAsync();
        }
    }

    private sealed class Body : HttpContent
    {
        private readonly TaskCompletionSource<Stream> _started = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly TaskCompletionSource _finished = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task<Stream> Started => _started.Task;

        public void Finish() => _finished.TrySetResult();

        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            _started.SetResult(stream);
            return _finished.Task;
        }

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}
