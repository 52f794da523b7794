namespace Chat;

/// <summary>One handler at two doors: <c>tcp://localhost:5001</c>, and <c>/chat</c> on the web server for WebSocket and server-sent events.</summary>
public static class ChatServer
{
    /// <summary>The name of the TCP server: <c>--Transports:Servers:chat:Address tcp://localhost:7000</c> moves it.</summary>
    public const string TcpServer = "chat";

    /// <summary>Where the page is served, and <c>/chat</c>, unless <c>--urls</c> says otherwise.</summary>
    private const string DefaultUrl = "http://localhost:5000";

    /// <summary>Puts the server together.</summary>
    /// <param name="args">The command line, which configures what the host's conventions let it.</param>
    /// <returns>The application, not yet started.</returns>
    public static WebApplication Build(string[] args)
    {
        var builder = WebApplication.CreateBuilder(new WebApplicationOptions { Args = args, ContentRootPath = AppContext.BaseDirectory });
        if (string.IsNullOrEmpty(builder.Configuration[WebHostDefaults.ServerUrlsKey]))
        {
            builder.WebHost.UseUrls(DefaultUrl);
        }

        builder.Services.AddSingleton<ChatRooms>();
        builder.Services.AddTransports().AddTcp();
        builder.Services.AddMessageServer<ChatHandler>(TcpServer, "tcp://localhost:5001");

        var app = builder.Build();
        app.UseDefaultFiles();
        app.UseStaticFiles();
        app.MapMessageChannel<ChatHandler>("/chat");
        return app;
    }
}
