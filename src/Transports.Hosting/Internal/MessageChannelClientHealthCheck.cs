using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Transports.Hosting;

/// <summary>Healthy when the peer can be connected now: opens a channel and closes it.</summary>
internal sealed class MessageChannelClientHealthCheck(IMessageChannelClient client) : IHealthCheck
{
    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        try
        {
            await using var channel = (await client.ConnectAsync(cancellationToken).ConfigureAwait(false)).ConfigureAwait(false);
            return HealthCheckResult.Healthy($"The client '{client.Name}' reached its peer.");
        }
        catch (Exception e) when (e is TransportException or NotSupportedException or ArgumentException)
        {
            return new HealthCheckResult(context.Registration.FailureStatus, $"The client '{client.Name}' cannot reach its peer. {e.Message}", e);
        }
    }
}
