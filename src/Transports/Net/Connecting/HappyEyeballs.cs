using System.Net;
using System.Net.Sockets;

namespace Transports.Engine;

/// <summary>
/// Connects to the first address of several that answers (RFC 8305): the next attempt begins when one fails or has not
/// answered within the delay; the first connected wins, and the others are called off.
/// </summary>
internal sealed class HappyEyeballs(INetwork network, TimeSpan attemptDelay, TimeProvider timeProvider)
{
    /// <summary>Connects.</summary>
    /// <param name="endPoints">The addresses in the order they are to be tried; at least one.</param>
    /// <param name="failures">Filled with what happened to each address that failed.</param>
    /// <param name="cancellationToken">Calls every attempt off.</param>
    /// <returns>The socket; <see langword="null"/> when every address failed.</returns>
    public async Task<Socket?> ConnectAsync(
        IReadOnlyList<IPEndPoint> endPoints,
        List<ConnectFailure> failures,
        CancellationToken cancellationToken)
    {
        using var losers = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var attempts = new List<(IPEndPoint EndPoint, Task<Socket> Connecting)>();
        var next = 0;
        try
        {
            while (true)
            {
                if (next < endPoints.Count)
                {
                    var endPoint = endPoints[next++];
                    attempts.Add((endPoint, network.ConnectAsync(endPoint, losers.Token)));
                }

                await WaitForNewsAsync(attempts, mayStartMore: next < endPoints.Count, losers.Token).ConfigureAwait(false);
                cancellationToken.ThrowIfCancellationRequested();
                if (TakeFinished(attempts, failures) is { } connected)
                {
                    return connected;
                }

                if (attempts.Count == 0 && next == endPoints.Count)
                {
                    return null;
                }
            }
        }
        finally
        {
            await losers.CancelAsync().ConfigureAwait(false);
            foreach (var (_, connecting) in attempts)
            {
                _ = CloseLoserAsync(connecting);
            }
        }
    }

    // Returns when an attempt has finished, or when it is time for the next one.
    private async Task WaitForNewsAsync(
        List<(IPEndPoint EndPoint, Task<Socket> Connecting)> attempts,
        bool mayStartMore,
        CancellationToken cancellationToken)
    {
        var finished = Task.WhenAny(attempts.Select(attempt => attempt.Connecting));
        if (finished.IsCompleted)
        {
            return;
        }

        try
        {
            await (mayStartMore
                ? finished.WaitAsync(attemptDelay, timeProvider, cancellationToken)
                : finished.WaitAsync(cancellationToken)).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            // No answer yet: the next address is tried beside it.
        }
    }

    private static Socket? TakeFinished(List<(IPEndPoint EndPoint, Task<Socket> Connecting)> attempts, List<ConnectFailure> failures)
    {
        for (var i = 0; i < attempts.Count; i++)
        {
            var (endPoint, connecting) = attempts[i];
            if (!connecting.IsCompleted)
            {
                continue;
            }

            attempts.RemoveAt(i--);
            if (connecting.IsCompletedSuccessfully)
            {
                return connecting.Result;
            }

            failures.Add(new ConnectFailure(endPoint, connecting.Exception?.InnerException ?? new OperationCanceledException()));
        }

        return null;
    }

    private static async Task CloseLoserAsync(Task<Socket> connecting)
    {
        try
        {
            (await connecting.ConfigureAwait(false)).Dispose();
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException or ObjectDisposedException)
        {
            // It lost before it connected.
        }
    }
}
