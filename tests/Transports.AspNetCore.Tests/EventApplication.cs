using System.Net;
using System.Net.Http.Headers;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;

namespace Transports.AspNetCore.Tests;

/// <summary>A web application with one route of channels, and requests to it written by hand.</summary>
internal sealed class EventApplication : IAsyncDisposable
{
    private readonly HttpClient _http = new(new SocketsHttpHandler { UseCookies = false, AllowAutoRedirect = false });
    private readonly WebApplication _application;

    private EventApplication(WebApplication application) => _application = application;

    public Uri Address => new(_application.Urls.Single() + "/events");

    public Uri DuplexAddress => new(Address + "?duplex");

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public static async Task<EventApplication> StartAsync(
        MessageChannelHandler handler,
        MessageChannelEndpointOptions? options = null,
        Action<IServiceCollection>? services = null,
        Action<WebApplication>? middleware = null,
        Action<IEndpointConventionBuilder>? endpoint = null)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseUrls("http://127.0.0.1:0");
        builder.Services.AddRoutingCore();
        services?.Invoke(builder.Services);
        var application = builder.Build();
        application.UseRouting();
        middleware?.Invoke(application);
        var route = application.MapMessageChannel("/events", handler, options);
        endpoint?.Invoke(route);
        await application.StartAsync(Token);
        return new EventApplication(application);
    }

    public static string SessionOf(HttpResponseMessage stream) => stream.Headers.GetValues("Transports-Session").Single();

    public Task<HttpResponseMessage> OpenAsync(params (string Name, string Value)[] headers) => OpenAsync(Address, headers);

    public async Task<HttpResponseMessage> OpenAsync(Uri address, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, address);
        if (!headers.Any(static header => header.Name == "Accept"))
        {
            request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("text/event-stream"));
        }

        return await SendAsync(request, headers);
    }

    public Task<HttpResponseMessage> PostAsync(string session, string type, string body, params (string Name, string Value)[] headers)
        => PostAsync(session, type, Encoding.UTF8.GetBytes(body), headers);

    public async Task<HttpResponseMessage> PostAsync(string session, string type, byte[] body, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, Address) { Content = new ByteArrayContent(body) };
        request.Content.Headers.TryAddWithoutValidation("Content-Type", type);
        return await SendAsync(request, [("Transports-Session", session), .. headers]);
    }

    public async Task<HttpStatusCode> DeleteAsync(string session, string? close = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Delete, Address);
        using var response = await SendAsync(request, close is null ? [("Transports-Session", session)] : [("Transports-Session", session), ("Transports-Close", close)]);
        return response.StatusCode;
    }

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        await _application.DisposeAsync();
    }

    private async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, (string Name, string Value)[] headers)
    {
        foreach (var (name, value) in headers)
        {
            if (!request.Headers.TryAddWithoutValidation(name, value))
            {
                request.Content!.Headers.TryAddWithoutValidation(name, value);
            }
        }

        return await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Token);
    }
}
