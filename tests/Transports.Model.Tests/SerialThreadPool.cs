using System.Runtime.ExceptionServices;

namespace Transports.Model.Tests;

/// <summary>
/// Leaves the process's thread pool one thread, and tells when it has nothing left to do: whatever the channels put off to the pool then
/// happens one after another, in the same order each time.
/// </summary>
/// <remarks>For one user at a time, in a process that does nothing else meanwhile, and from a thread that is not the pool's.</remarks>
internal sealed class SerialThreadPool : IDisposable
{
    private const int PatienceInMilliseconds = 60_000;

    private readonly ManualResetEvent _release = new(initialState: false);
    private readonly CountdownEvent _blocked;
    private readonly int _threads = Environment.ProcessorCount;
    private readonly (int Workers, int Ports) _least;
    private readonly (int Workers, int Ports) _most;

    public SerialThreadPool()
    {
        ThreadPool.GetMinThreads(out _least.Workers, out _least.Ports);
        ThreadPool.GetMaxThreads(out _most.Workers, out _most.Ports);

        // The pool allows no fewer threads than processors, so the others are kept busy.
        ThreadPool.SetMinThreads(1, 1);
        ThreadPool.SetMaxThreads(_threads, _most.Ports);
        ThreadPool.SetMinThreads(_threads, _least.Ports);
        _blocked = new CountdownEvent(Math.Max(_threads - 1, 1));
        for (var i = 1; i < _threads; i++)
        {
            ThreadPool.UnsafeQueueUserWorkItem(static pool => pool.Block(), this, preferLocal: false);
        }

        if (_threads > 1)
        {
            _blocked.Wait();
        }

        WaitUntilIdle();
    }

    /// <summary>Does something on the pool's one thread, and waits until that and all that it brought about is done.</summary>
    public void Do(Action action)
    {
        ExceptionDispatchInfo? error = null;
        ThreadPool.UnsafeQueueUserWorkItem(
            _ =>
            {
                try
                {
                    action();
                }
                catch (Exception e)
                {
                    error = ExceptionDispatchInfo.Capture(e);
                }
            },
            null);
        WaitUntilIdle();
        error?.Throw();
    }

    private void WaitUntilIdle()
    {
        var spin = default(SpinWait);
        var begun = Environment.TickCount64;
        while (!IsIdle())
        {
            if (Environment.TickCount64 - begun > PatienceInMilliseconds)
            {
                throw new InvalidOperationException("The thread pool is never idle: something else in this process uses it, or a channel spins.");
            }

            spin.SpinOnce(sleep1Threshold: -1);
        }
    }

    public void Dispose()
    {
        _release.Set();
        ThreadPool.SetMaxThreads(_most.Workers, _most.Ports);
        ThreadPool.SetMinThreads(_least.Workers, _least.Ports);
    }

    // A thread that takes an item is counted as busy before the item is no longer counted as pending.
    private bool IsIdle()
    {
        if (ThreadPool.PendingWorkItemCount != 0)
        {
            return false;
        }

        ThreadPool.GetAvailableThreads(out var free, out _);
        return _threads - free == _threads - 1 && ThreadPool.PendingWorkItemCount == 0;
    }

    private void Block()
    {
        _blocked.Signal();
        _release.WaitOne();
    }
}
