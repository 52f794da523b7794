namespace Transports.Interop.Tests;

/// <summary>Other programs' WebSocket clients, with our server.</summary>
public sealed class WebSocketClientsTests
{
    private static readonly string[] s_everywhere =
    [
        "echo", "subprotocol", "oversize", "closed-by-server Normal", "closed-by-server GoingAway", "closed-by-server PolicyViolation", "closed-by-server InternalError",
    ];

    public static TheoryData<string, string> Cases
    {
        get
        {
            var data = new TheoryData<string, string>();
            foreach (var client in new[] { "ws", "builtin", "python" })
            {
                // The API that browsers and node share has no way to ping or to send fragments; whether it compresses is its own business.
                foreach (var name in client == "builtin" ? s_everywhere : [.. s_everywhere, "compressed", "ping", "fragments"])
                {
                    data.Add(client, name);
                }
            }

            return data;
        }
    }

    [Theory(Timeout = 60_000), MemberData(nameof(Cases))]
    public async Task Client_OfAnotherProgram_IsServed(string client, string name)
    {
        Require(client);
        var options = new MessageChannelEndpointOptions { MaxMessageSize = 1_000_000, WebSockets = { EnableCompression = name == "compressed" } };
        options.WebSockets.SubProtocols.Add("chat.v2");
        await using var server = await WebServer.StartAsync(Echo.HandleAsync, options);
        var url = server.Address("ws").AbsoluteUri;

        await using var peer = client switch
        {
            "python" => Peer.Start("python", "Web/websocket_client.py", [url, .. name.Split(' ')]),
            "ws" => Peer.Start("node", "Web/websocket_client.js", [url, client, .. name.Split(' ')]),
            _ => Peer.StartNode(["--experimental-websocket"], "Web/websocket_client.js", [url, client, .. name.Split(' ')]),
        };

        (await peer.ReadLineAsync()).Should().Be("ok");
    }

    private static void Require(string client)
    {
        switch (client)
        {
            case "python":
                Peer.RequireFile("/usr/lib/python3/dist-packages/websockets", "python3-websockets", "python3-websockets");
                break;
            case "ws":
                Peer.RequireNode("ws");
                break;
            default:
                Requirement.SkipUnless(NodeVersion.Major >= 20, "node-websocket", $"Node 20 or later has a WebSocket of its own; here is {NodeVersion.Text}.");
                break;
        }
    }
}
