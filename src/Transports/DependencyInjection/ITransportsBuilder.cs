using Microsoft.Extensions.DependencyInjection;

namespace Transports;

/// <summary>Where transports are registered: <c>services.AddTransports().AddTcp()</c>.</summary>
public interface ITransportsBuilder
{
    /// <summary>The services being registered.</summary>
    IServiceCollection Services { get; }
}
