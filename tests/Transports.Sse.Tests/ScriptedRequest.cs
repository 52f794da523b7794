using System.Net.Sockets;
using System.Text;

namespace Transports.Sse.Tests;

/// <summary>A request that waits for the test's answer.</summary>
internal sealed class ScriptedRequest(NetworkStream stream, string method, string path, IReadOnlyDictionary<string, string> headers, byte[] body)
{
    private readonly TaskCompletionSource<bool> _answered = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public string Method => method;

    public string Path => path;

    public IReadOnlyDictionary<string, string> Headers => headers;

    public string Body => Encoding.UTF8.GetString(body);

    /// <summary>Completes when the answer is done: with whether the connection goes on.</summary>
    public Task<bool> Answered => _answered.Task;

    /// <summary>Answers with a status, header lines and a body of known length.</summary>
    public async Task AnswerAsync(string status, string headerLines = "", string text = "")
    {
        await WriteAsync($"HTTP/1.1 {status}\r\n{headerLines}{(status.StartsWith("204", StringComparison.Ordinal) ? "" : $"Content-Length: {Encoding.UTF8.GetByteCount(text)}\r\n")}\r\n{text}");
        _answered.TrySetResult(true);
    }

    /// <summary>Begins an event stream, which lasts until <see cref="Close"/>.</summary>
    public Task BeginEventsAsync(string events, string headerLines = "")
        => WriteAsync($"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n{headerLines}\r\n{events}");

    /// <summary>Answers with an event stream that ends at once.</summary>
    public async Task AnswerEventsAsync(string events, string headerLines = "")
    {
        await BeginEventsAsync(events, headerLines);
        Close();
    }

    public async Task WriteAsync(string text) => await stream.WriteAsync(Encoding.UTF8.GetBytes(text), TestContext.Current.CancellationToken);

    /// <summary>Ends the connection.</summary>
    public void Close() => _answered.TrySetResult(false);

    /// <summary>Breaks the connection off.</summary>
    public void Reset()
    {
        stream.Socket.LingerState = new LingerOption(true, 0);
        Close();
    }
}
