using System.Net;

namespace Transports;

/// <summary>The place of one channel behind a <see cref="ConnectionGuard"/>; it is given back when its channel is disposed.</summary>
public sealed class ConnectionLease : IDisposable
{
    private const int Free = 0;
    private const int Attached = 1;
    private const int Returned = 2;

    private readonly ConnectionGuard _guard;
    private int _state;

    internal ConnectionLease(ConnectionGuard guard, IPAddress? address, string? principal)
    {
        _guard = guard;
        Address = address;
        Principal = principal;
    }

    internal IPAddress? Address { get; }

    internal string? Principal { get; }

    /// <summary>Puts the channel that was opened at this place under the guard, which holds the place until the channel is disposed.</summary>
    /// <param name="channel">The channel; the returned one owns it.</param>
    /// <returns>The channel to use instead.</returns>
    /// <exception cref="InvalidOperationException">The place is another channel's, or was given back.</exception>
    public IMessageChannel Attach(IMessageChannel channel)
    {
        ArgumentNullException.ThrowIfNull(channel);
        if (Interlocked.CompareExchange(ref _state, Attached, Free) != Free)
        {
            throw new InvalidOperationException("This place is another channel's, or was given back. Enter the guard once for each channel.");
        }

        return _guard.Watch(channel, this);
    }

    /// <summary>Gives the place back, unless a channel has it.</summary>
    public void Dispose()
    {
        if (Interlocked.CompareExchange(ref _state, Returned, Free) == Free)
        {
            _guard.Leave(this);
        }
    }

    internal void Return()
    {
        if (Interlocked.Exchange(ref _state, Returned) != Returned)
        {
            _guard.Leave(this);
        }
    }
}
