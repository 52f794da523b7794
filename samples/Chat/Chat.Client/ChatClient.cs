using System.Diagnostics;
using System.Text.Json;
using Transports;

namespace Chat;

/// <summary>
/// A stay in a room over any transport. When the connection breaks it connects again, asks for what was said meanwhile, and says again
/// what it has not heard back.
/// </summary>
internal sealed class ChatClient(IMessageChannelFactory transports, Uri address, string room, string name, TextWriter output)
{
    private static readonly TimeSpan FirstRetry = TimeSpan.FromSeconds(0.5);
    private static readonly TimeSpan MaxRetry = TimeSpan.FromSeconds(10);

    // Held while saying, so that what was left over from another connection comes before what is new.
    private readonly SemaphoreSlim _saying = new(1, 1);
    private readonly OrderedDictionary<string, Say> _unheard = [];
    private IMessageChannel<ChatRequest, ChatEvent>? _joined;
    private bool _inputEnded;
    private string? _history;
    private long _seen;
    private TimeSpan _retry;

    /// <summary>Stays until the input has ended and all of it was said.</summary>
    /// <exception cref="ChatRefusedException">The server does not let us in.</exception>
    public async Task RunAsync(TextReader input, CancellationToken cancellationToken)
    {
        using var done = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);

        // A console cannot be read with a token: its thread may stay behind when the program ends.
        var reading = Task.Run(() => SayInputAsync(input, done), CancellationToken.None);
        for (_retry = FirstRetry; ; _retry = _retry * 2 < MaxRetry ? _retry * 2 : MaxRetry)
        {
            try
            {
                await using var channel = await transports.ConnectAsync(address, done.Token);
                await StayAsync(channel.WithJson(ChatJson.Default.ChatRequest, ChatJson.Default.ChatEvent), done);
                Note("The server has left.");
            }
            catch (TransportException e)
            {
                Note(e.Message);
            }
            catch (OperationCanceledException) when (done.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
            {
                await reading;
                return;
            }

            Note($"Trying again in {_retry.TotalSeconds:0.#} s.");
            await Task.Delay(_retry, cancellationToken);
        }
    }

    private async Task StayAsync(IMessageChannel<ChatRequest, ChatEvent> chat, CancellationTokenSource done)
    {
        try
        {
            await chat.SendAsync(new Join(room, name, _history, _seen), done.Token);
            await foreach (var received in chat.ReceiveAllAsync(done.Token))
            {
                await ShowAsync(received, chat, done);
            }
        }
        finally
        {
            await _saying.WaitAsync(CancellationToken.None);
            _joined = null;
            _saying.Release();
        }
    }

    private async Task ShowAsync(ChatEvent received, IMessageChannel<ChatRequest, ChatEvent> chat, CancellationTokenSource done)
    {
        switch (received)
        {
            case Joined joined:
                Note($"In {joined.Room}, over {address.Scheme}.");
                _history = joined.History;
                _retry = FirstRetry;
                await SayAgainAsync(chat, done.Token);
                break;
            case Said said:
                _seen = said.Number;
                output.WriteLine($"{said.At.ToLocalTime():HH:mm} {said.Name}: {said.Text}");
                await HeardAsync(said.Key, done);
                break;
            case Missed missed:
                Note($"{missed.Count} earlier messages are no longer kept.");
                break;
            case People people:
                Note($"Here now: {string.Join(", ", people.Names)}.");
                break;
            case Pong pong:
                Note($"There and back in {Stopwatch.GetElapsedTime((long)pong.Sent).TotalMilliseconds:0.0} ms.");
                break;
            case Refused refused when _joined is null:
                throw new ChatRefusedException(refused.Reason);
            case Refused refused:
                Note(refused.Reason);
                break;
        }
    }

    private async Task SayInputAsync(TextReader input, CancellationTokenSource done)
    {
        while (input.ReadLine() is { } line && !done.IsCancellationRequested)
        {
            if (line.Trim() is { Length: > 0 } text)
            {
                await SayAsync(text, done.Token);
            }
        }

        await _saying.WaitAsync(CancellationToken.None);
        _inputEnded = true;
        _saying.Release();
        await HeardAsync(key: null, done);
    }

    private async Task SayAsync(string text, CancellationToken cancellationToken)
    {
        await _saying.WaitAsync(cancellationToken);
        try
        {
            ChatRequest request;
            if (text == "/ping")
            {
                request = new Ping(Stopwatch.GetTimestamp());
            }
            else
            {
                var say = new Say(text, Guid.NewGuid().ToString("N"));
                _unheard.Add(say.Key, say);
                request = say;
            }

            if (_joined is not null)
            {
                await _joined.SendAsync(request, cancellationToken);
            }
        }
        catch (TransportException)
        {
            // The receiver hears of it too, and connects again.
        }
        finally
        {
            _saying.Release();
        }
    }

    // Perhaps the server had them already, and only its answer was lost: it counts each key once.
    private async Task SayAgainAsync(IMessageChannel<ChatRequest, ChatEvent> chat, CancellationToken cancellationToken)
    {
        await _saying.WaitAsync(cancellationToken);
        try
        {
            _joined = chat;
            foreach (var say in _unheard.Values)
            {
                await chat.SendAsync(say, cancellationToken);
            }
        }
        finally
        {
            _saying.Release();
        }
    }

    private async Task HeardAsync(string? key, CancellationTokenSource done)
    {
        await _saying.WaitAsync(CancellationToken.None);
        var isDone = (key is null || _unheard.Remove(key)) && _inputEnded && _unheard.Count == 0;
        _saying.Release();
        if (isDone)
        {
            await done.CancelAsync();
        }
    }

    private void Note(string text) => output.WriteLine($"-- {text}");
}
