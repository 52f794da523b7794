using System.Net;
using System.Net.Http.Headers;

namespace Transports.Grpc.Tests;

/// <summary>Sends any bytes as a call, and reads what the server says to them.</summary>
internal sealed class RawGrpcClient(Uri address) : IDisposable
{
    private readonly HttpClient _http = new(new SocketsHttpHandler { UseProxy = false, EnableMultipleHttp2Connections = true });

    public async Task<(int Status, string? Message, byte[] Body)> CallAsync(byte[] body, Action<HttpRequestHeaders>? headers = null)
    {
        var token = TestContext.Current.CancellationToken;
        using var request = Request(new ByteArrayContent(body));
        headers?.Invoke(request.Headers);
        using var response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, token);
        response.StatusCode.Should().Be(HttpStatusCode.OK);
        var received = await response.Content.ReadAsByteArrayAsync(token);
        var source = response.Headers.Contains("grpc-status") ? response.Headers : response.TrailingHeaders;
        return (
            int.Parse(source.GetValues("grpc-status").Single(), System.Globalization.CultureInfo.InvariantCulture),
            source.TryGetValues("grpc-message", out var message) ? PercentEncoding.Decode(message.Single()) : null,
            received);
    }

    /// <summary>Opens a stream, sends a few bytes of a message, and resets it. Also when the server refuses it, or the whole connection, for too many of them: that is its defense.</summary>
    public async Task OpenAndResetAsync()
    {
        using var giveUp = new CancellationTokenSource();
        var content = new GrpcRequestContent("application/grpc", new EndingCalls());
        using var request = Request(content);
        var sending = _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, giveUp.Token);

        // A stream that is refused before it begins has no body to write.
        if (await Task.WhenAny(content.Started, sending) == content.Started)
        {
            var stream = await content.Started;
            try
            {
                await stream.WriteAsync(new byte[] { 0, 0, 1 }, TestContext.Current.CancellationToken);
                await stream.FlushAsync(TestContext.Current.CancellationToken);
            }
            catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException && !TestContext.Current.CancellationToken.IsCancellationRequested)
            {
            }
        }

        await giveUp.CancelAsync();
        content.Cancel();
        await ((Task)sending).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    public void Dispose() => _http.Dispose();

    private HttpRequestMessage Request(HttpContent content)
    {
        content.Headers.ContentType = new MediaTypeHeaderValue("application/grpc");
        return new HttpRequestMessage(HttpMethod.Post, GrpcAddress.Parse(address).Http)
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = content,
        };
    }
}
