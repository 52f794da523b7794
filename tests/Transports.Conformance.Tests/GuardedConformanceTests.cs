namespace Transports.Conformance.Tests;

/// <summary>A guard in front keeps every promise of the channel behind it.</summary>
public sealed class GuardedConformanceTests : TransportConformanceTests
{
    private GuardedTransport? _transport;
    private int _names;

    protected override long MaxBytesInFlight => 0;

    // A name belongs to one transport, so the side that connects uses the one that listens.
    protected override ITransport CreateTransport(ConformanceOptions options)
        => options.Side == ChannelSide.Client && _transport is not null
            ? _transport
            : _transport = new GuardedTransport(new MemoryTransport(options.ApplyTo(new MemoryTransportOptions())));

    protected override Uri CreateListenAddress() => new($"mem://guarded-{_names++}");

    private sealed class GuardedTransport(MemoryTransport inner) : IClientTransport, IServerTransport
    {
        // So high that nothing waits, but all is counted.
        private readonly ConnectionGuard _guard = new(new()
        {
            MaxAcceptsPerSecond = 10_000_000,
            AcceptBurst = 10_000_000,
            MaxMessagesPerSecond = int.MaxValue,
            MaxBytesPerSecond = long.MaxValue,
        });

        public IReadOnlyList<string> Schemes => inner.Schemes;

        public ChannelCharacteristics GetCharacteristics(string scheme) => inner.GetCharacteristics(scheme);

        public async ValueTask<IMessageChannel> ConnectAsync(Uri address, CancellationToken cancellationToken = default)
            => Guard(await inner.ConnectAsync(address, cancellationToken));

        public async ValueTask<IMessageListener> ListenAsync(Uri address, CancellationToken cancellationToken = default)
            => new GuardedListener(await inner.ListenAsync(address, cancellationToken), this);

        private IMessageChannel Guard(IMessageChannel channel)
            => _guard.TryGuard(channel, out var guarded, out var refusal) ? guarded : throw new TransportException(refusal.Description);

        private sealed class GuardedListener(IMessageListener listener, GuardedTransport transport) : IMessageListener
        {
            public Uri LocalAddress => listener.LocalAddress;

            public async ValueTask<IMessageChannel?> AcceptAsync(CancellationToken cancellationToken = default)
                => await listener.AcceptAsync(cancellationToken) is { } channel ? transport.Guard(channel) : null;

            public ValueTask StopAcceptingAsync(CancellationToken cancellationToken = default) => listener.StopAcceptingAsync(cancellationToken);

            public ValueTask DisposeAsync() => listener.DisposeAsync();
        }
    }
}
