namespace Transports;

/// <summary>Opens channels and listeners over a set of transports, chosen by the address's scheme. Works without dependency injection.</summary>
public sealed class MessageChannelFactory : IMessageChannelFactory
{
    private readonly Dictionary<string, IClientTransport> _clients = new(StringComparer.OrdinalIgnoreCase);
    private readonly Dictionary<string, IServerTransport> _servers = new(StringComparer.OrdinalIgnoreCase);
    private readonly Func<IMessageChannel, IMessageChannel>[] _decorators;

    /// <summary>A factory over the given transports. Of two with the same scheme, the later is used.</summary>
    /// <param name="transports">The transports.</param>
    /// <param name="decorators">What every channel is wrapped in, the outermost first.</param>
    public MessageChannelFactory(IEnumerable<ITransport> transports, IEnumerable<Func<IMessageChannel, IMessageChannel>>? decorators = null)
    {
        ArgumentNullException.ThrowIfNull(transports);
        foreach (var transport in transports)
        {
            foreach (var scheme in transport.Schemes)
            {
                if (transport is IClientTransport client)
                {
                    _clients[scheme] = client;
                }

                if (transport is IServerTransport server)
                {
                    _servers[scheme] = server;
                }
            }
        }

        _decorators = decorators?.Reverse().ToArray() ?? [];
    }

    /// <inheritdoc/>
    public async ValueTask<IMessageChannel> ConnectAsync(Uri address, CancellationToken cancellationToken = default)
        => Decorate(await Find(_clients, address, KnownSchemes.ExplainConnect).ConnectAsync(address, cancellationToken).ConfigureAwait(false));

    /// <inheritdoc/>
    public async ValueTask<IMessageListener> ListenAsync(Uri address, CancellationToken cancellationToken = default)
    {
        var listener = await Find(_servers, address, KnownSchemes.ExplainListen).ListenAsync(address, cancellationToken).ConfigureAwait(false);
        return _decorators.Length == 0 ? listener : new DecoratingListener(listener, this);
    }

    private static T Find<T>(Dictionary<string, T> transports, Uri address, Func<string, IEnumerable<string>, string> explain)
        where T : ITransport
    {
        ArgumentNullException.ThrowIfNull(address);
        if (!address.IsAbsoluteUri)
        {
            throw new ArgumentException($"The address '{AddressText.Of(address)}' has no scheme. Write it whole, such as tcp://localhost:5000.", nameof(address));
        }

        return transports.TryGetValue(address.Scheme, out var transport)
            ? transport
            : throw new NotSupportedException(explain(address.Scheme, transports.Keys));
    }

    private IMessageChannel Decorate(IMessageChannel channel)
    {
        foreach (var decorator in _decorators)
        {
            channel = decorator(channel);
        }

        return channel;
    }

    private sealed class DecoratingListener(IMessageListener inner, MessageChannelFactory factory) : IMessageListener
    {
        public Uri LocalAddress => inner.LocalAddress;

        public async ValueTask<IMessageChannel?> AcceptAsync(CancellationToken cancellationToken = default)
            => await inner.AcceptAsync(cancellationToken).ConfigureAwait(false) is { } channel ? factory.Decorate(channel) : null;

        public ValueTask StopAcceptingAsync(CancellationToken cancellationToken = default) => inner.StopAcceptingAsync(cancellationToken);

        public ValueTask DisposeAsync() => inner.DisposeAsync();
    }
}
