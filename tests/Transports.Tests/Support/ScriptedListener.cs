using System.Threading.Channels;

namespace Transports.Tests;

/// <summary>A listener whose accepts do what the test says, in order.</summary>
internal sealed class ScriptedListener : IMessageListener
{
    private readonly Channel<Func<IMessageChannel?>> _script = Channel.CreateUnbounded<Func<IMessageChannel?>>();

    public Uri LocalAddress { get; } = new("mem://scripted");

    public int Accepts { get; private set; }

    public bool Stopped { get; private set; }

    public bool Disposed { get; private set; }

    public Action? OnStop { get; set; }

    public void Fail(Exception error) => _script.Writer.TryWrite(() => throw error);

    public void Give(IMessageChannel? channel) => _script.Writer.TryWrite(() => channel);

    public async ValueTask<IMessageChannel?> AcceptAsync(CancellationToken cancellationToken = default)
    {
        Accepts++;
        return await _script.Reader.WaitToReadAsync(cancellationToken) && _script.Reader.TryRead(out var step) ? step() : null;
    }

    public ValueTask StopAcceptingAsync(CancellationToken cancellationToken = default)
    {
        Stopped = true;
        OnStop?.Invoke();
        _script.Writer.TryComplete();
        return ValueTask.CompletedTask;
    }

    public ValueTask DisposeAsync()
    {
        Disposed = true;
        return ValueTask.CompletedTask;
    }
}
