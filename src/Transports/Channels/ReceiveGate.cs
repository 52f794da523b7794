using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace Transports.Engine;

/// <summary>Who may touch what has been received: one receiver, or the watch, or, in the end and for ever, the channel's end.</summary>
/// <remarks>
/// <code>
/// Free      --TryEnter-->       Receiving   a receive is in progress
/// Free      --TryEnterWatch-->  Watching    nobody receives: the channel looks after itself, for moments
/// Receiving, Watching --Exit--> Free
/// Free      --Seize; or Exit after Seize--> Seized   the seizing action runs once, with nobody inside
/// </code>
/// <para><b>The process-wide barrier.</b> Leaving writes the state and then reads whether somebody wants to seize, without a fence between, which
/// would cost every message. So the fence is on the other side: who seizes says so, makes all processors catch up, and then tries.
/// Without it both could think that the other does it.</para>
/// </remarks>
internal sealed class ReceiveGate
{
    private const int Free = 0;
    private const int Receiving = 1;
    private const int Watching = 2;
    private const int Seized = 3;

    private int _state;
    private int _moves;
    private bool _isSeizing;
    private Action? _seized;

    /// <summary>Grows with each receive: the watch begins only where it stands still. A hint.</summary>
    public int Moves => Volatile.Read(ref _moves);

    public bool IsSeized => Volatile.Read(ref _state) == Seized;

    /// <summary>A receive is in progress. A hint.</summary>
    public bool IsReceiving => Volatile.Read(ref _state) == Receiving;

    /// <summary>Enters as the receiver. Waits out the watch, which is inside for moments.</summary>
    /// <returns><see langword="false"/> when another receive is inside, or the channel's end has seized the input.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryEnter()
    {
        if (Interlocked.CompareExchange(ref _state, Receiving, Free) != Free && !TryEnterSlow())
        {
            return false;
        }

        _moves++;
        return true;
    }

    public bool TryEnterWatch() => Interlocked.CompareExchange(ref _state, Watching, Free) == Free;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Exit()
    {
        Debug.Assert(_state is Receiving or Watching, "Who leaves was inside.");
        Volatile.Write(ref _state, Free);
        if (Volatile.Read(ref _isSeizing))
        {
            TrySeize();
        }
    }

    /// <summary>Takes the input for ever, at once or when whoever is inside leaves. Once.</summary>
    /// <param name="seized">Runs once, when nobody is inside, on this thread or on that of whoever leaves.</param>
    public void Seize(Action seized)
    {
        Debug.Assert(_seized is null, "Seized once.");
        _seized = seized;
        Volatile.Write(ref _isSeizing, true);
        Interlocked.MemoryBarrierProcessWide();
        TrySeize();
    }

    private void TrySeize()
    {
        if (Interlocked.CompareExchange(ref _state, Seized, Free) == Free)
        {
            _seized!();
        }
    }

    private bool TryEnterSlow()
    {
        var spinner = default(SpinWait);
        while (true)
        {
            var state = Interlocked.CompareExchange(ref _state, Receiving, Free);
            if (state == Free)
            {
                return true;
            }

            if (state != Watching)
            {
                return false;
            }

            spinner.SpinOnce();
        }
    }
}
