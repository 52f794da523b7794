namespace Transports.Testing;

/// <summary>
/// The contract of <see cref="IMessageChannel"/> as tests that any transport can run. A transport joins with one short class
/// in a test project of its own:
/// <code>
/// public sealed class TcpConformanceTests : TransportConformanceTests
/// {
///     protected override ITransport CreateTransport(ConformanceOptions options) => new TcpTransport(options.ApplyTo(new TcpTransportOptions()));
///     protected override Uri CreateListenAddress() => new("tcp://localhost:0");
/// }
/// </code>
/// </summary>
/// <remarks>
/// <para>The transport's <see cref="ITransport.GetCharacteristics"/> choose which tests apply; the others are skipped and say why.
/// A transport that throws <see cref="TransportUnavailableException"/> is skipped too, unless <see cref="Requirement"/> is told
/// that it must be there.</para>
/// <para>Every test ends by checking that all buffers have come back to the pool. The counts of sockets are the whole
/// process's: switch parallel tests off in the test project, or raise <see cref="AllowedExtraSockets"/>.</para>
/// </remarks>
public abstract partial class TransportConformanceTests : IAsyncLifetime
{
    /// <summary>After so many milliseconds a test counts as hanging. Not a measure of speed: everything here takes seconds.</summary>
    protected const int HangTimeout = 60_000;

    private const int Seed = 20_240_229;

    private readonly List<IAsyncDisposable> _owned = [];
    private ITransport? _server;

    /// <summary>The pool that all buffers of the test come from.</summary>
    protected LeakTrackingArrayPool Pool { get; } = new(Environment.GetEnvironmentVariable("TRANSPORTS_LEAK_STACKS") == "1");

    /// <summary>The transport's short name, for <see cref="Requirement"/>. By default the scheme of <see cref="CreateListenAddress"/>.</summary>
    protected virtual string Name => CreateListenAddress().Scheme;

    /// <summary>How many messages the test of order and wholeness sends each way.</summary>
    protected virtual int MessageCount => 100_000;

    /// <summary>How many connections the test of connecting and closing makes. Lower it where a handshake takes long.</summary>
    protected virtual int ConnectionCount => 10_000;

    /// <summary>How often the tests about races try each. Lower it where sending is slow.</summary>
    protected virtual int RaceIterations => 50;

    /// <summary>How many bytes may be on their way outside both channels while the reader stalls, such as in the kernel's socket buffers. By default 16 MiB: Linux grows those of one connection to about 10.</summary>
    protected virtual long MaxBytesInFlight => 16 * 1024 * 1024;

    /// <summary>How many sockets other tests, running at the same time in this process, may open meanwhile. By default none.</summary>
    protected virtual int AllowedExtraSockets => 0;

    /// <summary>Whether the wire tells the peer that a channel was aborted rather than closed. A TCP reset does; a Unix socket has none.</summary>
    protected virtual bool DistinguishesAbortFromClose => true;

    /// <summary>Whether a listener learns of a new peer by its first message only, as with datagrams. By default so for unreliable transports.</summary>
    protected virtual bool AcceptsOnFirstMessage => !Promised.IsReliable;

    /// <summary>What the transport's channels promise, by which tests are chosen. By default what it says of the scheme of <see cref="CreateListenAddress"/>.</summary>
    protected virtual ChannelCharacteristics Promised => Transport.GetCharacteristics(CreateListenAddress().Scheme);

    /// <summary>The transport under test.</summary>
    protected ITransport Transport => _server ??= Create(Options(ChannelSide.Server));

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>Creates the transport under test.</summary>
    /// <param name="options">Limits to obey and the pool to use; <see cref="ConformanceOptions.Side"/> says what for.</param>
    /// <returns>An <see cref="IServerTransport"/> or <see cref="IClientTransport"/>, or both, as the side asks. Disposed after the test where it can be.</returns>
    protected abstract ITransport CreateTransport(ConformanceOptions options);

    /// <summary>An address to listen at that nobody else uses: with port 0, or a name made up on each call.</summary>
    protected abstract Uri CreateListenAddress();

    /// <summary>Where to connect to reach a listener. By default what it says itself.</summary>
    /// <param name="listener">The listener.</param>
    protected virtual Uri GetConnectAddress(IMessageListener listener)
    {
        ArgumentNullException.ThrowIfNull(listener);
        return listener.LocalAddress;
    }

    /// <summary>Connects a peer that is not a channel, for the tests about peers that are killed inside a message.</summary>
    /// <param name="address">The listener's address.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The peer, with every handshake done; or <see langword="null"/> where there is none, and those tests are skipped.</returns>
    protected virtual ValueTask<RawPeer?> ConnectRawPeerAsync(Uri address, CancellationToken cancellationToken) => default;

    /// <summary>Prepares what the transport needs, once per test. Call the base first.</summary>
    public virtual ValueTask InitializeAsync() => default;

    /// <summary>Closes what the test opened, and checks that every buffer has come back.</summary>
    public virtual async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        for (var i = _owned.Count - 1; i >= 0; i--)
        {
            if (_owned[i] is IMessageChannel channel)
            {
                // The test is over; what it left unread must not make the end slow.
                channel.Abort();
            }

            await _owned[i].DisposeAsync();
        }

        await Pool.AssertNoLeaksAsync();
    }

    /// <summary>Skips the test unless the transport has what it is about.</summary>
    /// <param name="applies">Whether it has.</param>
    /// <param name="reason">Why the test does not apply otherwise.</param>
    protected static void SkipUnless(bool applies, string reason) => Assert.SkipUnless(applies, reason);

    /// <summary>Opens a connection and both its channels, with a listener of their own.</summary>
    /// <param name="client">What the connecting side is to obey.</param>
    /// <param name="server">What the listening side is to obey.</param>
    protected async Task<ChannelPair> OpenAsync(ConformanceOptions? client = null, ConformanceOptions? server = null)
        => await ConnectAsync(await ListenAsync(server), client);

    /// <summary>Starts a listener.</summary>
    /// <param name="server">What it is to obey.</param>
    protected async Task<IMessageListener> ListenAsync(ConformanceOptions? server = null)
    {
        // First of all the one that is asked about characteristics, so that the last one made is the one that listens.
        var transport = Transport;
        if (server is not null)
        {
            transport = Create(server);
        }

        return Own(await ListenOrSkipAsync((IServerTransport)transport));
    }

    private async Task<IMessageListener> ListenOrSkipAsync(IServerTransport transport)
    {
        try
        {
            return await transport.ListenAsync(CreateListenAddress(), Token);
        }
        catch (TransportUnavailableException e)
        {
            Requirement.ReportMissing(Name, e.Message);
            throw;
        }
    }

    /// <summary>Opens one more connection to a listener.</summary>
    /// <param name="listener">The listener; nobody else may be connecting to it.</param>
    /// <param name="client">What the connecting side is to obey.</param>
    protected async Task<ChannelPair> ConnectAsync(IMessageListener listener, ConformanceOptions? client = null)
    {
        ArgumentNullException.ThrowIfNull(listener);
        var transport = CreateClient(client);
        var accepting = listener.AcceptAsync(Token).AsTask();
        IMessageChannel connected;
        try
        {
            connected = Own(await transport.ConnectAsync(GetConnectAddress(listener), Token));
        }
        catch (TransportUnavailableException e)
        {
            Requirement.ReportMissing(Name, e.Message);
            throw;
        }

        if (AcceptsOnFirstMessage)
        {
            await GreetAsync(connected, accepting);
        }

        var accepted = Own(await accepting ?? throw new InvalidOperationException("The listener stopped while a peer was connecting."));
        return new ChannelPair(connected, accepted, listener);
    }

    /// <summary>A transport to connect with.</summary>
    /// <param name="client">What it is to obey.</param>
    protected IClientTransport CreateClient(ConformanceOptions? client = null) => (IClientTransport)Create(client ?? Options(ChannelSide.Client));

    /// <summary>Disposes it after the test.</summary>
    /// <typeparam name="T">Its type.</typeparam>
    /// <param name="resource">What to dispose.</param>
    /// <returns>The same.</returns>
    protected T Own<T>(T resource)
        where T : IAsyncDisposable
    {
        lock (_owned)
        {
            _owned.Add(resource);
        }

        return resource;
    }

    private ConformanceOptions Options(ChannelSide side) => new(side, Pool);

    private ITransport Create(ConformanceOptions options)
    {
        ITransport transport;
        try
        {
            transport = CreateTransport(options);
        }
        catch (TransportUnavailableException e)
        {
            Requirement.ReportMissing(Name, e.Message);
            throw;
        }

        switch (transport)
        {
            case IAsyncDisposable asynchronous:
                Own(asynchronous);
                break;
            case IDisposable synchronous:
                Own(new AsyncDisposal(synchronous));
                break;
        }

        return transport;
    }

    private void OnlyIfReliable()
        => SkipUnless(Promised is { IsReliable: true, IsOrdered: true }, $"{Name} may lose messages or change their order, so nothing can be said of all of them.");

    private void OnlyIfBidirectional()
        => SkipUnless(Promised.Direction == ChannelDirection.Bidirectional, $"{Name} carries messages one way only.");

    private sealed class AsyncDisposal(IDisposable resource) : IAsyncDisposable
    {
        public ValueTask DisposeAsync()
        {
            resource.Dispose();
            return default;
        }
    }
}
