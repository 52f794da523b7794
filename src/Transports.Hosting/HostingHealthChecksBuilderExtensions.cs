using Microsoft.Extensions.Diagnostics.HealthChecks;
using Transports;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Health checks for hosted message servers and named clients.</summary>
public static class HostingHealthChecksBuilderExtensions
{
    /// <summary>Checks that a hosted server accepts: healthy while it does, degraded when it has as many channels as it may, failed otherwise.</summary>
    /// <param name="builder">The builder.</param>
    /// <param name="name">The name given to <c>AddMessageServer</c>; also the check's.</param>
    /// <param name="failureStatus">What a failure is reported as; unhealthy when <see langword="null"/>.</param>
    /// <param name="tags">Tags to select the check by.</param>
    /// <returns>The builder.</returns>
    public static IHealthChecksBuilder AddMessageServer(this IHealthChecksBuilder builder, string name, HealthStatus? failureStatus = null, IEnumerable<string>? tags = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentException.ThrowIfNullOrEmpty(name);
        return builder.Add(new HealthCheckRegistration(
            name,
            provider => new MessageServerHealthCheck(provider.GetKeyedService<HostedMessageServer>(name) ?? throw Missing(name, "AddMessageServer")),
            failureStatus,
            tags));
    }

    /// <summary>Checks that a named client can reach its peer, by opening a channel and closing it. The peer's handler sees that channel.</summary>
    /// <param name="builder">The builder.</param>
    /// <param name="name">The name given to <c>AddMessageChannelClient</c>; also the check's.</param>
    /// <param name="failureStatus">What a failure is reported as; unhealthy when <see langword="null"/>.</param>
    /// <param name="tags">Tags to select the check by.</param>
    /// <returns>The builder.</returns>
    public static IHealthChecksBuilder AddMessageChannelClient(this IHealthChecksBuilder builder, string name, HealthStatus? failureStatus = null, IEnumerable<string>? tags = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentException.ThrowIfNullOrEmpty(name);
        return builder.Add(new HealthCheckRegistration(
            name,
            provider => new MessageChannelClientHealthCheck(provider.GetKeyedService<IMessageChannelClient>(name) ?? throw Missing(name, "AddMessageChannelClient")),
            failureStatus,
            tags));
    }

    private static InvalidOperationException Missing(string name, string call)
        => new($"A health check was added for '{name}', but nothing of that name. Call services.{call}(\"{name}\", …) too.");
}
