using System.Net.Sockets;
using Polly;
using Polly.Retry;

namespace Transports.Sse;

/// <summary>Tries again what may succeed later: how often, after which wait, and for how long.</summary>
/// <remarks>
/// The wait before each try is what the server asks for; what is waited in addition when tries fail grows with them, and is Polly's
/// (HTML standard, section 9.2.3: wait the reconnection time, then "optionally, wait some more").
/// </remarks>
internal sealed class SseRetries
{
    private readonly SseTransportOptions _options;
    private readonly ResiliencePipeline _pipeline;

    public SseRetries(SseTransportOptions options)
    {
        _options = options;
        _pipeline = new ResiliencePipelineBuilder { TimeProvider = options.TimeProvider }
            .AddRetry(new RetryStrategyOptions
            {
                ShouldHandle = new PredicateBuilder().Handle<SseTryAgainException>(),
                MaxRetryAttempts = int.MaxValue,
                BackoffType = DelayBackoffType.Exponential,
                UseJitter = true,
                Delay = options.ReconnectDelay,
                MaxDelay = options.MaxReconnectDelay,
            })
            .Build();
    }

    /// <summary>Runs to the first success, or to a failure that will not go away by waiting.</summary>
    /// <typeparam name="TResult">What comes of it.</typeparam>
    /// <param name="delay">The least wait before each try.</param>
    /// <param name="waitFirst">Whether the first try waits too.</param>
    /// <param name="attempt">One try.</param>
    /// <param name="cancellationToken">Gives up: the channel has ended.</param>
    /// <exception cref="IOException">No try has succeeded; the cause is inside.</exception>
    public async Task<TResult> RunAsync<TResult>(TimeSpan delay, bool waitFirst, Func<SseTry, Task<TResult>> attempt, CancellationToken cancellationToken)
    {
        var began = _options.TimeProvider.GetTimestamp();
        var wait = waitFirst ? delay : TimeSpan.Zero;
        var waited = waitFirst;
        CheckRequested(delay, null);
        return await _pipeline.ExecuteAsync(TryAsync, cancellationToken).ConfigureAwait(false);

        async ValueTask<TResult> TryAsync(CancellationToken token)
        {
            if (wait > TimeSpan.Zero)
            {
                await Task.Delay(wait, _options.TimeProvider, token).ConfigureAwait(false);
            }

            using var limited = new SseTry(_options.ConnectTimeout, _options.TimeProvider, token);
            try
            {
                return await attempt(limited).ConfigureAwait(false);
            }
            catch (Exception e) when (!token.IsCancellationRequested && (limited.IsTimedOut || IsWorthTryingAgain(e)))
            {
                var error = limited.IsTimedOut
                    ? new IOException($"The server did not answer within {_options.ConnectTimeout.TotalSeconds:0.#} seconds (ConnectTimeout).", e)
                    : e;
                if (limited.IsAnswered)
                {
                    began = _options.TimeProvider.GetTimestamp();
                    waited = false;
                }

                wait = (error as TransportRefusedException)?.RetryAfter is { } requested && requested > delay ? requested : delay;
                CheckRequested(wait, error);
                if (_options.ReconnectTimeout == TimeSpan.Zero
                    || (waited && _options.TimeProvider.GetElapsedTime(began) + wait >= _options.ReconnectTimeout))
                {
                    throw new IOException($"The server could not be reached within {_options.ReconnectTimeout.TotalSeconds:0.#} seconds (ReconnectTimeout). {error.Message}", error);
                }

                waited = true;
                throw new SseTryAgainException(error);
            }
        }
    }

    // What another try may change: not a request that this side refuses to write, nor a server that refuses it for what it is.
    private static bool IsWorthTryingAgain(Exception error) => error switch
    {
        TransportRefusedException refused => refused.StatusCode is >= 500 or 408 or 429,
        HttpRequestException request => request.HttpRequestError is HttpRequestError.NameResolutionError or HttpRequestError.ConnectionError
            or HttpRequestError.SecureConnectionError or HttpRequestError.HttpProtocolError or HttpRequestError.InvalidResponse
            or HttpRequestError.ResponseEnded or HttpRequestError.ProxyTunnelError
            || request.InnerException is IOException or SocketException,
        TransportException => false,
        IOException => true,
        _ => false,
    };

    private void CheckRequested(TimeSpan wait, Exception? error)
    {
        if (wait > _options.MaxRequestedDelay)
        {
            throw new IOException($"The server asks to come back in {wait.TotalSeconds:0} seconds, and at most {_options.MaxRequestedDelay.TotalSeconds:0} are waited (MaxRequestedDelay).", error);
        }
    }
}
