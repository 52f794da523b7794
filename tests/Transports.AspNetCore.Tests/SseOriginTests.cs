using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace Transports.AspNetCore.Tests;

/// <summary>Which pages may open an event stream: a browser sends the request of any, with the user's cookies, and only keeps the answer from it.</summary>
public sealed class SseOriginTests
{
    private int _handled;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Get_ForeignOriginWithoutPolicy_RunsNoHandler()
    {
        await using var application = await EventApplication.StartAsync(HandleAsync);
        using var response = await application.OpenAsync(("Origin", "https://evil.example"));
        response.StatusCode.Should().Be(HttpStatusCode.Forbidden);
        _handled.Should().Be(0);
    }

    [Theory]
    [InlineData("cross-site")]
    [InlineData("same-site")]
    public async Task Get_ForeignPageThatCannotReadTheAnswer_RunsNoHandler(string site)
    {
        await using var application = await EventApplication.StartAsync(HandleAsync);
        using var response = await application.OpenAsync(("Sec-Fetch-Site", site));
        response.StatusCode.Should().Be(HttpStatusCode.Forbidden);
        _handled.Should().Be(0);
    }

    [Fact]
    public async Task Get_OwnOrigin_OpensASession()
    {
        await using var application = await EventApplication.StartAsync(HandleAsync);
        using var response = await application.OpenAsync(("Origin", application.Address.GetLeftPart(UriPartial.Authority)), ("Sec-Fetch-Site", "same-origin"));
        response.StatusCode.Should().Be(HttpStatusCode.OK);
        (await response.Content.ReadAsStringAsync(Token)).Should().Contain("data: secret");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Get_ForeignOriginOfAPolicy_OpensASession(bool onTheEndpoint)
    {
        await using var application = await StartWithPolicyAsync(onTheEndpoint);
        using var response = await application.OpenAsync(("Origin", "https://friend.example"));
        response.StatusCode.Should().Be(HttpStatusCode.OK);
        response.Headers.GetValues("Access-Control-Allow-Origin").Should().Equal("https://friend.example");
        (await response.Content.ReadAsStringAsync(Token)).Should().Contain("data: secret");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Get_ForeignOriginOfNoPolicy_RunsNoHandler(bool onTheEndpoint)
    {
        await using var application = await StartWithPolicyAsync(onTheEndpoint);
        using var response = await application.OpenAsync(("Origin", "https://evil.example"));
        response.Headers.Contains("Access-Control-Allow-Origin").Should().BeFalse();
        (await response.Content.ReadAsStringAsync(Token)).Should().BeEmpty();
        _handled.Should().Be(0);
    }

    private Task<EventApplication> StartWithPolicyAsync(bool onTheEndpoint) => EventApplication.StartAsync(
        HandleAsync,
        services: static services => services.AddCors(static cors => cors.AddPolicy("friends", static policy => policy.WithOrigins("https://friend.example").AllowCredentials())),
        middleware: application =>
        {
            if (onTheEndpoint)
            {
                application.UseCors();
            }
            else
            {
                application.UseCors("friends");
            }
        },
        endpoint: endpoint =>
        {
            if (onTheEndpoint)
            {
                endpoint.RequireCors("friends");
            }
        });

    private async Task HandleAsync(IMessageChannel channel, CancellationToken stoppingToken)
    {
        Interlocked.Increment(ref _handled);
        await channel.SendAsync(Message.FromText("secret"), stoppingToken);
    }
}
