using System.Text.Json;
using Microsoft.AspNetCore.WebUtilities;
using Transports;

namespace Chat;

/// <summary>Serves one member, over whichever transport it came.</summary>
internal sealed class ChatHandler(ChatRooms rooms) : IMessageChannelHandler
{
    private const int MaxName = 32;
    private const int MaxText = 2000;

    public async Task HandleAsync(IMessageChannel channel, CancellationToken stoppingToken)
    {
        var chat = channel.WithJson(ChatJson.Default.ChatEvent, ChatJson.Default.ChatRequest);
        try
        {
            if (channel.Characteristics.Direction == ChannelDirection.UnidirectionalSend)
            {
                await WatchAsync(chat, stoppingToken);
            }
            else
            {
                await ServeAsync(chat, stoppingToken);
            }
        }
        catch (JsonException e)
        {
            await RefuseAsync(chat, ChannelCloseStatus.ProtocolError, $"Not a message of this chat: {e.Message}", stoppingToken);
        }
    }

    private async Task ServeAsync(IMessageChannel<ChatEvent, ChatRequest> chat, CancellationToken stoppingToken)
    {
        if (!(await chat.ReceiveAsync(stoppingToken)).TryGetValue(out var first))
        {
            return;
        }

        if (first is not Join join || !IsName(join.Room) || !IsName(join.Name))
        {
            await RefuseAsync(chat, ChannelCloseStatus.PolicyViolation, $"Begin with a join: a room and a name, each of 1 to {MaxName} characters.", stoppingToken);
            return;
        }

        if (!rooms.TryGet(join.Room.Trim(), out var room))
        {
            await RefuseAsync(chat, ChannelCloseStatus.PolicyViolation, "There are too many rooms. Join one of them.", stoppingToken);
            return;
        }

        // A history that the client does not know is new to it from the beginning.
        var after = join.History == room.History ? Math.Max(0, join.After) : 0;
        var name = join.Name.Trim();
        room.Enter(name);
        using var left = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken);
        var telling = TellAsync(chat, room, after, left.Token);
        try
        {
            await ListenAsync(chat, room, name, stoppingToken);
        }
        finally
        {
            room.Leave(name);
            await left.CancelAsync();
            await telling;
        }
    }

    /// <summary>A reader without a voice: <c>curl -N -H 'Accept: text/event-stream' 'http://localhost:5000/chat?room=lobby'</c>.</summary>
    private async Task WatchAsync(IMessageChannel<ChatEvent, ChatRequest> chat, CancellationToken stoppingToken)
    {
        var request = chat.Channel.GetFeature<IHttpChannelFeature>()?.RequestUri;
        var name = request is null ? "" : QueryHelpers.ParseQuery(request.Query)["room"].ToString();
        if (!IsName(name) || !rooms.TryGet(name.Trim(), out var room))
        {
            await RefuseAsync(chat, ChannelCloseStatus.PolicyViolation, "Say which room, as in /chat?room=lobby; or add ?duplex to talk, too.", stoppingToken);
            return;
        }

        using var left = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken);
        var telling = TellAsync(chat, room, 0, left.Token);
        await Task.WhenAny(telling, chat.Channel.Closed);
        await left.CancelAsync();
        await telling;
    }

    private static async Task ListenAsync(IMessageChannel<ChatEvent, ChatRequest> chat, Room room, string name, CancellationToken stoppingToken)
    {
        await foreach (var request in chat.ReceiveAllAsync(stoppingToken))
        {
            switch (request)
            {
                case Say { Text.Length: > 0 and <= MaxText, Key.Length: > 0 and <= 64 } say:
                    room.Say(name, say);
                    break;
                case Ping ping:
                    await chat.SendAsync(new Pong(ping.Sent), stoppingToken);
                    break;
                default:
                    await chat.SendAsync(new Refused($"Say 1 to {MaxText} characters with a key of up to 64, or ping."), stoppingToken);
                    break;
            }
        }
    }

    // Ends by cancellation, or with the channel; whoever listens hears of that too.
    private static async Task TellAsync(IMessageChannel<ChatEvent, ChatRequest> chat, Room room, long after, CancellationToken cancellationToken)
    {
        try
        {
            var news = room.NewsAfter(after);
            await chat.SendAsync(new Joined(room.Name, room.History), cancellationToken);
            for (People? known = null; ; news = room.NewsAfter(after))
            {
                if (news.Missed > 0)
                {
                    await chat.SendAsync(new Missed(news.Missed), cancellationToken);
                }

                foreach (var said in news.Said)
                {
                    await chat.SendAsync(said, cancellationToken);
                    after = said.Number;
                }

                if (!ReferenceEquals(known, news.People))
                {
                    known = news.People;
                    await chat.SendAsync(known, cancellationToken);
                }

                await news.Changed.WaitAsync(cancellationToken);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or TransportException or ObjectDisposedException)
        {
        }
    }

    private static async Task RefuseAsync(IMessageChannel<ChatEvent, ChatRequest> chat, ChannelCloseStatus status, string reason, CancellationToken stoppingToken)
    {
        await chat.SendAsync(new Refused(reason), stoppingToken);
        await chat.CloseAsync(status, reason, stoppingToken);
    }

    private static bool IsName(string name) => !string.IsNullOrWhiteSpace(name) && name.Length <= MaxName;
}
