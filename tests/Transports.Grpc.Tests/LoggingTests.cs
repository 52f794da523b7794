using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Transports.Grpc.Tests;

public class LoggingTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Log_ClientCancelsAWatch_IsNoMoreThanDebug()
    {
        using var logs = new LogKeeper();
        await using var listener = await new KestrelTransport(null, logs).ListenAsync(new Uri("grpc+http://localhost:0/a.B/Watch"), Token);
        using var transport = new GrpcTransport(null, logs);
        await using (var client = await transport.ConnectAsync(listener.LocalAddress, Token))
        {
            await using var server = (await listener.AcceptAsync(Token))!;
            await server.SendAsync(new byte[] { 1 }, Token);
            (await client.ReceiveAsync(Token)).Should().NotBeNull();

            client.Abort();

            await server.Closed.WaitAsync(Token);
        }

        logs.Entries.Should().Contain(entry => entry.Level == LogLevel.Debug && entry.Text.Contains("The client cancelled the call", StringComparison.Ordinal));
        logs.Entries.Where(static entry => entry.Category.StartsWith("Transports", StringComparison.Ordinal) && entry.Level > LogLevel.Debug && entry.Id != 8004)
            .Should().BeEmpty();
    }

    [Fact]
    public async Task Log_AnswerIsNotGrpc_IsAWarningWithoutMetadata()
    {
        using var logs = new LogKeeper();
        await using var server = await ScriptedServer.StartAsync(context => context.Response.WriteAsync("hello"));
        using var transport = new GrpcTransport(null, logs);
        var call = new GrpcCallOptions();
        call.Headers.Add("authorization", "Bearer s3cret");
        await using var channel = await transport.ConnectAsync(server.Address, call, Token);

        var receive = async () => await channel.ReceiveAsync(Token);
        await receive.Should().ThrowAsync<MessageChannelClosedException>();

        logs.Entries.Should().ContainSingle(static entry => entry.Id == 7001).Which.Level.Should().Be(LogLevel.Warning);
        logs.Entries.Should().NotContain(static entry => entry.Text.Contains("s3cret", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("application/grpc", "grpc-encoding", "br", 8008)]
    [InlineData("application/json", "x", "y", 8007)]
    public async Task Log_CallRefused_SaysWhy(string contentType, string header, string value, int id)
    {
        using var logs = new LogKeeper();
        await using var listener = await new KestrelTransport(null, logs).ListenAsync(new Uri("grpc+http://localhost:0/a.B/C"), Token);
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false });
        using var request = new HttpRequestMessage(HttpMethod.Post, new UriBuilder(listener.LocalAddress) { Scheme = "http" }.Uri)
        {
            Version = System.Net.HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new ByteArrayContent([]),
        };
        request.Content.Headers.TryAddWithoutValidation("Content-Type", contentType);
        request.Headers.Add(header, value);

        using var response = await http.SendAsync(request, Token);

        logs.Entries.Should().ContainSingle(entry => entry.Id == id).Which.Level.Should().Be(LogLevel.Information);
    }
}
