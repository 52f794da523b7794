using Microsoft.Extensions.Logging;
using System.Diagnostics;

namespace Transports;

/// <summary>Accepts channels and runs a handler for each. Needs no host: start it, stop it.</summary>
/// <remarks>
/// <para><b>Accepting</b> goes on when an accept fails: after a pause that doubles up to
/// <see cref="MessageServerOptions.MaxAcceptRetryDelay"/>. At <see cref="MessageServerOptions.MaxChannels"/> it waits until a channel ends. A channel that
/// <see cref="MessageServerOptions.Guard"/> refuses is closed as PolicyViolation and never reaches a handler.</para>
/// <para><b>Handlers</b> run side by side. When one returns, its channel is closed as Normal, also while the server stops, and
/// disposed. When one throws, that is logged and the channel closed as InternalError, without telling the peer more; unless the
/// channel itself had ended, as a peer that leaves is no error, or the server stops and the exception is
/// <see cref="OperationCanceledException"/>, which closes it as GoingAway.</para>
/// <para><b>Stopping</b>: stop accepting; cancel the handlers' token; wait up to <see cref="MessageServerOptions.ShutdownTimeout"/>; close what is
/// left as GoingAway; abort what is open a second later, and leave handlers behind that go on for another second.</para>
/// <para><b>Logging</b>: without a logger factory the first error of each kind is written to standard error, so that a handler that throws does
/// not fail in silence; <see cref="Microsoft.Extensions.Logging.Abstractions.NullLoggerFactory"/> turns that off too.</para>
/// </remarks>
[DebuggerDisplay("{_address}, listening: {_listener?.LocalAddress}, stopping: {_stopping.IsCancellationRequested}, completed: {_completion.Task.IsCompleted}")]
public sealed class MessageServer : IAsyncDisposable
{
    // What handlers get to let go of channels that were closed under them, and then of ones that were aborted; one that ignores even that is left behind.
    private static readonly TimeSpan EndGrace = TimeSpan.FromSeconds(1);

    private readonly IMessageChannelFactory? _factory;
    private readonly Uri? _address;
    private readonly HandlerRunner _runner;
    private readonly MessageServerOptions _options;
    private readonly ILogger _logger;
    private readonly Lock _gate = new();
    private readonly SemaphoreSlim _slots;
    private readonly ServedChannels _channels = new();
    private readonly RefusedChannels _refused;
    private readonly CancellationTokenSource _stopAccepting = new();
    private readonly CancellationTokenSource _stopping = new();
    private readonly CancellationTokenSource _giveUp = new();
    private readonly TaskCompletionSource _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private IMessageListener? _listener;
    private Task? _accepting;
    private Task? _stopTask;
    private bool _starting;

    /// <summary>A server over a listener.</summary>
    /// <param name="listener">The listener; the server owns it and disposes it when it stops.</param>
    /// <param name="handler">Serves a channel.</param>
    /// <param name="options">Limits; not to be changed afterwards. The defaults when <see langword="null"/>.</param>
    /// <param name="loggerFactory">Where the server logs; see the remarks of this class for <see langword="null"/>.</param>
    public MessageServer(IMessageListener listener, MessageChannelHandler handler, MessageServerOptions? options = null, ILoggerFactory? loggerFactory = null)
        : this(handler, options, loggerFactory)
    {
        ArgumentNullException.ThrowIfNull(listener);
        _listener = listener;
    }

    /// <summary>A server that listens when it is started.</summary>
    /// <param name="factory">Opens the listener.</param>
    /// <param name="address">Where, such as <c>tcp://localhost:5000</c>.</param>
    /// <param name="handler">Serves a channel.</param>
    /// <param name="options">Limits; not to be changed afterwards. The defaults when <see langword="null"/>.</param>
    /// <param name="loggerFactory">Where the server logs; see the remarks of this class for <see langword="null"/>.</param>
    public MessageServer(IMessageChannelFactory factory, Uri address, MessageChannelHandler handler, MessageServerOptions? options = null, ILoggerFactory? loggerFactory = null)
        : this(handler, options, loggerFactory)
    {
        ArgumentNullException.ThrowIfNull(factory);
        ArgumentNullException.ThrowIfNull(address);
        _factory = factory;
        _address = address;
    }

    private MessageServer(MessageChannelHandler handler, MessageServerOptions? options, ILoggerFactory? loggerFactory)
    {
        ArgumentNullException.ThrowIfNull(handler);
        _options = options ?? new MessageServerOptions();
        _options.Validate();
        _slots = new SemaphoreSlim(_options.MaxChannels);
        _logger = loggerFactory?.CreateLogger("Transports.Server") ?? new StandardErrorLogger();
        _runner = new HandlerRunner(handler, _logger, _options.TimeProvider);
        _refused = new RefusedChannels(_logger);
    }

    /// <summary>The address bound, with the real port; <see langword="null"/> before a server with an address was started.</summary>
    public Uri? LocalAddress => Volatile.Read(ref _listener)?.LocalAddress;

    /// <summary>How many channels are open, those being closed included.</summary>
    public int ChannelCount => _channels.Count;

    /// <summary><see langword="true"/> from a successful start until stopping begins, for whatever reason.</summary>
    public bool IsAccepting => Volatile.Read(ref _accepting) is { IsCompleted: false } && !_stopAccepting.IsCancellationRequested;

    /// <summary>
    /// Completes when the server has stopped, be it by <see cref="StopAsync"/> or because its listener was stopped. Faults when
    /// the listener was disposed under it.
    /// </summary>
    public Task Completion => _completion.Task;

    /// <summary>Starts listening, if need be, and accepting.</summary>
    /// <param name="cancellationToken">Gives up listening; the server is not started.</param>
    /// <returns>Completes when peers can connect.</returns>
    /// <exception cref="InvalidOperationException">The server was started before, or has stopped.</exception>
    /// <exception cref="NotSupportedException">No transport listens at this scheme.</exception>
    /// <exception cref="TransportException">The address could not be bound. The server can be started again.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public async Task StartAsync(CancellationToken cancellationToken = default)
    {
        lock (_gate)
        {
            if (_starting || _stopTask is not null)
            {
                throw new InvalidOperationException("A MessageServer is started once. Make a new one to start again.");
            }

            _starting = true;
        }

        try
        {
            var listener = _listener ?? await _factory!.ListenAsync(_address!, cancellationToken).ConfigureAwait(false);
            bool stopped;
            lock (_gate)
            {
                stopped = _stopTask is not null;
                if (!stopped)
                {
                    Volatile.Write(ref _listener, listener);
                    Volatile.Write(ref _accepting, Task.Run(() => AcceptLoopAsync(listener), CancellationToken.None));
                }
            }

            if (stopped)
            {
                await listener.DisposeAsync().ConfigureAwait(false);
                throw new InvalidOperationException("The MessageServer was stopped while it was starting.");
            }

            Log.ServerStarted(_logger, listener.LocalAddress);
        }
        catch
        {
            lock (_gate)
            {
                _starting = false;
            }

            throw;
        }
    }

    /// <summary>Stops in order; see the remarks of this class. A second call waits for the first.</summary>
    /// <param name="cancellationToken">Ends the wait for handlers: what is left is aborted at once.</param>
    /// <returns>Completes when the listener and all channels are closed. Does not throw for the token.</returns>
    public async Task StopAsync(CancellationToken cancellationToken = default)
    {
        var stopping = BeginStop(error: null);
        using (cancellationToken.UnsafeRegister(static state => ((CancellationTokenSource)state!).Cancel(), _giveUp))
        {
            await stopping.ConfigureAwait(false);
        }
    }

    /// <summary>Stops as <see cref="StopAsync"/> does.</summary>
    public async ValueTask DisposeAsync() => await StopAsync(CancellationToken.None).ConfigureAwait(false);

    private Task BeginStop(Exception? error)
    {
        lock (_gate)
        {
            return _stopTask ??= Task.Run(() => StopCoreAsync(error), CancellationToken.None);
        }
    }

    private async Task StopCoreAsync(Exception? error)
    {
        var listener = Volatile.Read(ref _listener);
        if (listener is not null)
        {
            await QuietlyAsync(() => listener.StopAcceptingAsync(_giveUp.Token)).ConfigureAwait(false);
        }

        await _stopAccepting.CancelAsync().ConfigureAwait(false);
        if (Volatile.Read(ref _accepting) is { } accepting)
        {
            await accepting.ConfigureAwait(false);
        }

        // Not awaited: handlers' code may run inside it, and only the wait below has a limit.
        _ = QuietlyAsync(() => new ValueTask(_stopping.CancelAsync())).AsTask();
        await WaitForHandlersAsync().ConfigureAwait(false);
        if (listener is not null)
        {
            var disposing = QuietlyAsync(listener.DisposeAsync).AsTask();
            if (!await EndWithinAsync(disposing, _options.ShutdownTimeout, _giveUp.Token).ConfigureAwait(false))
            {
                await EndWithinAsync(disposing, EndGrace, CancellationToken.None).ConfigureAwait(false);
            }

            Log.ServerStopped(_logger, listener.LocalAddress);
        }

        if (error is null)
        {
            _completion.TrySetResult();
        }
        else
        {
            _completion.TrySetException(error);
        }
    }

    private async Task WaitForHandlersAsync()
    {
        var served = Task.WhenAll(_channels.WhenEmptyAsync(), _refused.WhenEmptyAsync());
        if (await EndWithinAsync(served, _options.ShutdownTimeout, _giveUp.Token).ConfigureAwait(false))
        {
            return;
        }

        // Each on a thread of the pool: handlers' code may run inside these calls, and one that blocks must hold up neither the others nor this.
        var left = _channels.ToArray();
        Log.ServerEndsChannels(_logger, LocalAddress, left.Length);
        foreach (var channel in left)
        {
            _ = Task.Run(() => _runner.CloseOverrunAsync(channel).AsTask(), CancellationToken.None);
        }

        if (await EndWithinAsync(served, EndGrace, _giveUp.Token).ConfigureAwait(false))
        {
            return;
        }

        foreach (var channel in _channels.ToArray())
        {
            _ = Task.Run(() => channel.Abort(new OperationCanceledException("The server stopped, and the handler did not end in time.")), CancellationToken.None);
        }

        if (!await EndWithinAsync(served, EndGrace, CancellationToken.None).ConfigureAwait(false))
        {
            Log.HandlersLeftBehind(_logger, LocalAddress, _channels.Count);
        }
    }

    private async Task<bool> EndWithinAsync(Task served, TimeSpan limit, CancellationToken giveUp)
    {
        try
        {
            await served.WaitAsync(limit, _options.TimeProvider, giveUp).ConfigureAwait(false);
            return true;
        }
        catch (Exception e) when (e is TimeoutException or OperationCanceledException)
        {
            return false;
        }
    }

    private async Task AcceptLoopAsync(IMessageListener listener)
    {
        var cancellation = _stopAccepting.Token;
        var delay = _options.AcceptRetryDelay;
        Exception? error = null;
        try
        {
            while (true)
            {
                await TakeSlotAsync(listener, cancellation).ConfigureAwait(false);
                IMessageChannel? channel = null;
                try
                {
                    channel = await listener.AcceptAsync(cancellation).ConfigureAwait(false);
                    delay = _options.AcceptRetryDelay;
                    if (channel is null)
                    {
                        break;
                    }
                }
                catch (Exception e) when (e is not ObjectDisposedException && !cancellation.IsCancellationRequested)
                {
                    Log.AcceptFailed(_logger, e, listener.LocalAddress, delay);
                }
                finally
                {
                    if (channel is null)
                    {
                        _slots.Release();
                    }
                }

                if (channel is null)
                {
                    await Task.Delay(delay, _options.TimeProvider, cancellation).ConfigureAwait(false);
                    delay = delay * 2 < _options.MaxAcceptRetryDelay ? delay * 2 : _options.MaxAcceptRetryDelay;
                    continue;
                }

                if (_options.Guard is { } guard)
                {
                    if (!guard.TryGuard(channel, out var guarded, out var refusal))
                    {
                        _slots.Release();
                        _refused.Refuse(channel, refusal.Description);
                        continue;
                    }

                    channel = guarded;
                }

                var served = channel;
                _channels.Add(served);

                // On a thread of its own: a handler that begins with work would hold up the next peer.
                _ = Task.Run(() => ServeAsync(served), CancellationToken.None);
            }
        }
        catch (Exception) when (cancellation.IsCancellationRequested)
        {
            return;
        }
        catch (Exception e)
        {
            Log.ListenerFailed(_logger, e, _address);
            error = e;
        }

        // The listener ended by itself; so does the server.
        _ = BeginStop(error);
    }

    private async Task TakeSlotAsync(IMessageListener listener, CancellationToken cancellationToken)
    {
        var free = _slots.WaitAsync(cancellationToken);
        if (!free.IsCompleted)
        {
            Log.ServerFull(_logger, listener.LocalAddress, _options.MaxChannels);
        }

        await free.ConfigureAwait(false);
    }

    private async Task ServeAsync(IMessageChannel channel)
    {
        Log.ChannelAccepted(_logger, channel.Id, channel.RemoteAddress);
        try
        {
            await _runner.RunAsync(channel, _stopping.Token).ConfigureAwait(false);
        }
        finally
        {
            _channels.Remove(channel);
            _slots.Release();
        }
    }

    // Ends of things that somebody else wrote: what they throw must not keep the rest from ending.
    private async ValueTask QuietlyAsync(Func<ValueTask> action)
    {
        try
        {
            await action().ConfigureAwait(false);
        }
        catch (Exception e)
        {
            Log.ShutdownStepFailed(_logger, e, LocalAddress);
        }
    }
}
