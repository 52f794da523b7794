using System.Net;
using System.Net.ServerSentEvents;
using System.Text;
using System.Threading.Channels;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;

namespace Transports.Benchmarks;

/// <summary>What an endpoint without a library does: a write and a flush for each event, read with the platform's parser of strings.</summary>
internal sealed class SseBaseline : IBenchmarkSide
{
    private readonly WebApplication _server;
    private readonly HttpClient _http;
    private readonly HttpContext _context;
    private readonly TaskCompletionSource _done;
    private readonly IAsyncEnumerator<SseItem<string>> _events;
    private readonly string _event;

    private SseBaseline(Work work, WebApplication server, HttpClient http, HttpContext context, TaskCompletionSource done, Stream stream)
    {
        _server = server;
        _http = http;
        _context = context;
        _done = done;
        _events = SseParser.Create(stream).EnumerateAsync().GetAsyncEnumerator();
        _event = $"data: {new string('*', work.PayloadSize)}\n\n";
    }

    public static async Task<IBenchmarkSide> OpenAsync(Work work)
    {
        var accepted = Channel.CreateUnbounded<(HttpContext, TaskCompletionSource)>();
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseUrls("http://127.0.0.1:0");
        var server = builder.Build();
        server.Run(async context =>
        {
            context.Response.ContentType = "text/event-stream";
            await context.Response.Body.FlushAsync();
            var done = new TaskCompletionSource();
            accepted.Writer.TryWrite((context, done));
            await done.Task;
        });
        await server.StartAsync();
        var http = new HttpClient();
        var stream = await http.GetStreamAsync(new Uri(server.Urls.First()));
        var (context, done) = await accepted.Reader.ReadAsync();
        return new SseBaseline(work, server, http, context, done, stream);
    }

    public Task RunAsync(long messages) => Task.WhenAll(Task.Run(() => SendAsync(messages)), Task.Run(() => ReceiveAsync(messages)));

    public async ValueTask DisposeAsync()
    {
        _done.TrySetResult();
        await _events.DisposeAsync();
        _http.Dispose();
        await _server.DisposeAsync();
    }

    private async Task SendAsync(long messages)
    {
        for (long i = 0; i < messages; i++)
        {
            await _context.Response.WriteAsync(_event, Encoding.UTF8);
            await _context.Response.Body.FlushAsync();
        }
    }

    private async Task ReceiveAsync(long messages)
    {
        for (long i = 0; i < messages; i++)
        {
            if (!await _events.MoveNextAsync() || _events.Current.Data[0] != '*')
            {
                throw new InvalidDataException("Other events arrived than were sent.");
            }
        }
    }
}
