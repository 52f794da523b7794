using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Transports;

/// <summary>
/// Channels within one process, at addresses such as <c>mem://orders</c>: for tests, and for parts that may move apart later.
/// </summary>
/// <remarks>
/// Names belong to one instance of this class: two instances know nothing of each other, so tests run side by side. Everything
/// holds here that holds on a network, backpressure included, but nothing is lost and nothing takes time.
/// </remarks>
public sealed class MemoryTransport : IClientTransport, IServerTransport
{
    private readonly ConcurrentDictionary<string, MemoryListener> _listeners = new(StringComparer.OrdinalIgnoreCase);
    private readonly MemoryTransportOptions _options;
    private readonly ILogger _logger;
    private readonly ChannelCharacteristics _characteristics;

    /// <summary>A transport with no names in use.</summary>
    /// <param name="options">Limits and services; not to be changed afterwards. The defaults when <see langword="null"/>.</param>
    /// <param name="loggerFactory">Where its channels log.</param>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    public MemoryTransport(MemoryTransportOptions? options = null, ILoggerFactory? loggerFactory = null)
    {
        _options = options ?? new MemoryTransportOptions();
        _options.Validate();
        _logger = loggerFactory?.CreateLogger("Transports.Memory") ?? NullLogger.Instance;
        _characteristics = new ChannelCharacteristics
        {
            IsReliable = true,
            IsOrdered = true,
            PreservesMessageBoundaries = true,
            SupportsHalfClose = true,
            PreservesMessageKind = true,
            CarriesCloseStatus = true,
            MaxMessageSize = _options.MaxMessageSize,
        };
    }

    /// <inheritdoc/>
    public IReadOnlyList<string> Schemes { get; } = ["mem"];

    /// <inheritdoc/>
    public ChannelCharacteristics GetCharacteristics(string scheme) => _characteristics;

    /// <inheritdoc/>
    /// <returns>An open channel, as soon as it stands in the listener's backlog; it need not be accepted yet.</returns>
    public async ValueTask<IMessageChannel> ConnectAsync(Uri address, CancellationToken cancellationToken = default)
    {
        var name = NameOf(address);
        cancellationToken.ThrowIfCancellationRequested();
        if (!_listeners.TryGetValue(name, out var listener))
        {
            throw NobodyListens(address);
        }

        var (client, server) = MemoryMessageChannel.CreatePair(
            Context(ChannelSide.Client, localAddress: null, remoteAddress: address),
            Context(ChannelSide.Server, localAddress: listener.LocalAddress, remoteAddress: null));
        try
        {
            if (!await listener.EnqueueAsync(server, _options, cancellationToken).ConfigureAwait(false))
            {
                throw NobodyListens(address);
            }

            return client;
        }
        catch (Exception e)
        {
            client.Abort(e);
            await client.DisposeAsync().ConfigureAwait(false);
            await server.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <inheritdoc/>
    public ValueTask<IMessageListener> ListenAsync(Uri address, CancellationToken cancellationToken = default)
    {
        var name = NameOf(address);
        cancellationToken.ThrowIfCancellationRequested();
        var listener = new MemoryListener(address, _options.AcceptBacklog, stopped => _listeners.TryRemove(new(name, stopped)));
        return _listeners.TryAdd(name, listener)
            ? new ValueTask<IMessageListener>(listener)
            : ValueTask.FromException<IMessageListener>(new TransportException(
                $"Somebody listens at {AddressText.Of(address)} already. Stop that listener first, use another name, or another MemoryTransport: each has names of its own."));
    }

    private static string NameOf(Uri address)
    {
        ArgumentNullException.ThrowIfNull(address);
        if (!address.IsAbsoluteUri || !address.Scheme.Equals("mem", StringComparison.OrdinalIgnoreCase))
        {
            throw new ArgumentException($"'{AddressText.Of(address)}' is not an in-memory address. Write it as mem://name.", nameof(address));
        }

        AddressText.ThrowIfUserInfo(address, "tell the peer who you are in a message", nameof(address));
        var name = address.Authority + address.AbsolutePath.TrimEnd('/');
        return name.Length > 0
            ? name
            : throw new ArgumentException($"'{AddressText.Of(address)}' has no name. Write it as mem://name.", nameof(address));
    }

    private static TransportException NobodyListens(Uri address) => new(
        $"Nobody listens at {AddressText.Of(address)} in this process. Call ListenAsync with this address first, on the same MemoryTransport.");

    private MessageChannelContext Context(ChannelSide side, Uri? localAddress, Uri? remoteAddress) => new()
    {
        TransportName = "mem",
        Side = side,
        Characteristics = _characteristics,
        Options = _options,
        LocalAddress = localAddress,
        RemoteAddress = remoteAddress,
        Logger = _logger,
    };
}
