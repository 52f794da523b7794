using System.Diagnostics;

namespace Transports.Engine;

/// <summary>The life of a channel: what may still be done, who ended it and how.</summary>
/// <remarks>
/// <para>The whole channel, under the lock:</para>
/// <code>
/// Open    --TryBeginClose-->  Closing   this side closes: no new sends, nothing is received any more
/// Open    --TryTerminate-->   Closed    an abort, the peer, the network, a limit, a time
/// Closing --TryTerminate-->   Closed    the close is done, or was overtaken
/// </code>
/// <para>Sending:</para>
/// <code>
/// Open       --TryBeginCompleting-->  Completing  half-close: the flush is under way
/// Completing --CompleteOutput-->      Completed   the peer was told
/// any        --FailOutput-->          Failed      a write failed; the channel lives until its input has ended
/// </code>
/// <para>Receiving:</para>
/// <code>
/// Open --FinishInput--> Finished  the peer has finished, and all was received: stays so
/// any  --DropInput-->   dropped   this side closed, aborted or disposed: what was not received is dropped
/// </code>
/// <para>When both are at their end by themselves, so is the channel.</para>
/// </remarks>
internal sealed class ChannelLifetime
{
    private readonly Lock _gate = new();
    private volatile Stage _stage;
    private volatile Output _output;
    private volatile bool _inputFinished;
    private volatile bool _inputDropped;
    private TaskCompletionSource<ChannelCloseInfo>? _closed;
    private TaskCompletionSource? _completing;
    private TaskCompletionSource? _closing;
    private ChannelCloseInfo? _closeInfo;
    private ChannelCloseInfo? _localClose;
    private ChannelCloseInfo? _sendFailure;
    private Exception? _receiveError;

    private enum Stage
    {
        Open,
        Closing,
        Closed,
    }

    private enum Output
    {
        Open,
        Completing,
        Completed,
        Failed,
    }

    public Task<ChannelCloseInfo> Closed => ClosedSource().Task;

    /// <summary>How the channel ended, or <see langword="null"/> while it has not.</summary>
    public ChannelCloseInfo? CloseInfo => Volatile.Read(ref _closeInfo);

    /// <summary>A local close has begun, or the channel has ended.</summary>
    public bool IsClosing => _stage != Stage.Open;

    /// <summary>Nothing stands against a send.</summary>
    public bool CanSend => _output == Output.Open && _stage == Stage.Open;

    /// <summary>Sends were completed or have failed, so an end of the peer's is the channel's.</summary>
    public bool IsOutputOver => _output is Output.Completed or Output.Failed;

    public bool IsOutputCompleting => _output is Output.Completing or Output.Completed;

    /// <summary>How a write failed, where one has.</summary>
    public ChannelCloseInfo? SendFailure => Volatile.Read(ref _sendFailure);

    public bool IsInputFinished => _inputFinished;

    public bool IsInputDropped => _inputDropped;

    /// <summary>What a receive throws once nothing is left to receive.</summary>
    public Exception? ReceiveError => Volatile.Read(ref _receiveError);

    /// <summary>How the channel ends, as far as it is known: for the exceptions of calls that come too late.</summary>
    public ChannelCloseInfo EndInfo => CloseInfo ?? Volatile.Read(ref _localClose) ?? SendFailure ?? new ChannelCloseInfo(ChannelCloseStatus.Normal, IsRemote: false);

    /// <summary>Begins a local close, or finds the one that has begun.</summary>
    /// <param name="info">How.</param>
    /// <param name="closing">Completes with the close.</param>
    /// <returns>What the caller completes when it has closed; <see langword="null"/> when another closes or has.</returns>
    public TaskCompletionSource? TryBeginClose(ChannelCloseInfo info, out Task closing)
    {
        lock (_gate)
        {
            if (_closing is { } running)
            {
                closing = running.Task;
                return null;
            }

            if (_stage == Stage.Closed)
            {
                // Whoever has ended it is about to tell.
                closing = Closed;
                return null;
            }

            _closing = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _localClose = info;
            _stage = Stage.Closing;
            closing = _closing.Task;
            return _closing;
        }
    }

    /// <summary>The channel has ended. Keeps the first end only. The caller then completes <see cref="Closed"/>.</summary>
    /// <returns><see langword="false"/> when it had ended before.</returns>
    public bool TryTerminate(ChannelCloseInfo info, Exception? receiveError)
    {
        lock (_gate)
        {
            if (_closeInfo is not null)
            {
                return false;
            }

            _receiveError = receiveError;
            Volatile.Write(ref _closeInfo, info);
            _stage = Stage.Closed;
            return true;
        }
    }

    public void CompleteClosed()
    {
        Debug.Assert(_closeInfo is not null, "After TryTerminate.");
        ClosedSource().TrySetResult(_closeInfo);
    }

    /// <summary>Begins a half-close.</summary>
    /// <param name="completing">Completes with the half-close.</param>
    /// <returns>What the caller completes; <see langword="null"/> when another has begun, or the channel ends.</returns>
    public TaskCompletionSource? TryBeginCompleting(out Task? completing)
    {
        lock (_gate)
        {
            completing = null;
            if (_stage != Stage.Open || _output == Output.Failed)
            {
                return null;
            }

            completing = _completing?.Task;
            if (_completing is not null)
            {
                return null;
            }

            _completing = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _output = Output.Completing;
            completing = _completing.Task;
            return _completing;
        }
    }

    public void CompleteOutput()
    {
        lock (_gate)
        {
            if (_output == Output.Completing)
            {
                _output = Output.Completed;
            }
        }
    }

    /// <summary>A write has failed: nothing is sent any more, while the input goes on to its own end.</summary>
    /// <returns><see langword="false"/> when that was known.</returns>
    public bool FailOutput(ChannelCloseInfo info)
    {
        lock (_gate)
        {
            if (_output == Output.Failed)
            {
                return false;
            }

            _output = Output.Failed;
            _sendFailure = info;
            return true;
        }
    }

    public void FinishInput()
    {
        lock (_gate)
        {
            _inputFinished |= !_inputDropped;
        }
    }

    /// <returns><see langword="false"/> when it had been dropped before.</returns>
    public bool DropInput()
    {
        lock (_gate)
        {
            if (_inputDropped)
            {
                return false;
            }

            _inputDropped = true;
            return true;
        }
    }

    /// <summary>Both directions have ended by themselves, and nothing has ended the channel yet.</summary>
    public bool HasEndedByItself
    {
        get
        {
            lock (_gate)
            {
                return _stage == Stage.Open && _inputFinished && _output == Output.Completed;
            }
        }
    }

    // Made when it is first asked for. Continuations never run inside whoever ends the channel.
    private TaskCompletionSource<ChannelCloseInfo> ClosedSource()
    {
        if (Volatile.Read(ref _closed) is { } closed)
        {
            return closed;
        }

        var made = new TaskCompletionSource<ChannelCloseInfo>(TaskCreationOptions.RunContinuationsAsynchronously);
        return Interlocked.CompareExchange(ref _closed, made, null) ?? made;
    }
}
