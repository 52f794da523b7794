using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Transports.Hosting;

/// <summary>Healthy while peers can connect, degraded at the bound on channels.</summary>
internal sealed class MessageServerHealthCheck(HostedMessageServer server) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        var channels = server.ChannelCount;
        var data = new Dictionary<string, object> { ["channels"] = channels };
        if (server.LocalAddress is { } address)
        {
            data["address"] = AddressText.Of(address);
        }

        return Task.FromResult(server switch
        {
            { IsAccepting: false } => new HealthCheckResult(
                context.Registration.FailureStatus, $"The message server '{server.Name}' does not accept: it has not started, is stopping, or its listener failed.", null, data),
            _ when channels >= server.MaxChannels => HealthCheckResult.Degraded(
                $"The message server '{server.Name}' has {channels} channels open, as many as MaxChannels allows; new peers wait.", null, data),
            _ => HealthCheckResult.Healthy($"Listening at {AddressText.Of(server.LocalAddress)}.", data),
        });
    }
}
