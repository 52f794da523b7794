namespace Transports.Interop.Tests;

/// <summary>The Chat sample's page, in Debian's Chromium.</summary>
public sealed class ChatPageTests
{
    /// <summary>A directory for a screenshot of each test, when the environment names one.</summary>
    private const string ScreenshotsVariable = "TRANSPORTS_SCREENSHOTS";

    [Theory(Timeout = 120_000)]
    [InlineData("websocket")]
    [InlineData("sse")]
    public async Task TwoTabs_OneCutOff_ComesBackWithNothingLost(string transport)
    {
        Peer.RequireFile("/usr/bin/chromium", "chromium", "chromium");
        Peer.RequireNode("puppeteer-core");
        await using var chat = await ChatHost.StartAsync();
        var profile = Directory.CreateTempSubdirectory("transports-chromium-");
        string[] screenshot = Environment.GetEnvironmentVariable(ScreenshotsVariable) is { Length: > 0 } directory
            ? [Path.Combine(directory, $"chat-{transport}.png")]
            : [];
        try
        {
            await using var tabs = Peer.Start("node", "Web/chat_page.js", [chat.Page.AbsoluteUri, transport, profile.FullName, .. screenshot]);
            string step;
            while ((step = await tabs.ReadLineAsync()) != "ok")
            {
                switch (step)
                {
                    case "cut off ben":
                        chat.Requests.CutOff(static context => context.Request.Headers.UserAgent == "ben");
                        break;
                    case "restore":
                        chat.Requests.Restore();
                        break;
                    case "end the session of ben":
                        await EndSessionAsync(chat);
                        break;
                    default:
                        Assert.Fail($"The tabs ask for something unknown: {step}");
                        break;
                }

                await tabs.WriteLineAsync("done");
            }
        }
        finally
        {
            profile.Delete(recursive: true);
        }
    }

    // As a client that gives up does; the page itself has not.
    private static async Task EndSessionAsync(ChatHost chat)
    {
        using var http = new HttpClient();
        using var request = new HttpRequestMessage(HttpMethod.Delete, new Uri(chat.Page, "/chat?duplex"));
        request.Headers.Add("Transports-Session", chat.Requests.SessionOf("ben"));
        request.Headers.Add("Transports-Close", "ConnectionLost");
        using var response = await http.SendAsync(request, TestContext.Current.CancellationToken);
        response.StatusCode.Should().Be(System.Net.HttpStatusCode.NoContent);
    }
}
