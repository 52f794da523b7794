using Microsoft.Extensions.Configuration;

namespace Transports;

/// <summary>
/// What a hosted server is told. The configuration section <c>Transports:Servers:NAME</c> sets it, with the key <c>Address</c> and, beside it, a key for each limit
/// of <see cref="MessageServerOptions"/>, such as <c>MaxChannels</c>; checked when the host starts.
/// </summary>
public sealed class HostedMessageServerOptions
{
    /// <summary>Where to listen, such as <c>tcp://localhost:5000</c>. Required.</summary>
    public Uri? Address { get; set; }

    /// <summary>The server's limits. The host's own <c>ShutdownTimeout</c> ends the wait for handlers too. The clock is the container's <see cref="TimeProvider"/> where it has one.</summary>
    public MessageServerOptions Server { get; } = new();

    /// <summary>
    /// Who may come in and how long silent peers may stay, such as <c>Transports:Servers:NAME:Guard:MaxChannelsPerAddress</c>. Default none. A <see cref="MeteredBufferPool"/> that is
    /// registered as a service is the guard's pool. It takes the place of the server's own <see cref="MessageServerOptions.Guard"/>.
    /// </summary>
    public ConnectionGuardOptions? Guard { get; set; }

    // By hand: the generated binder would want to make a clock, and keys one level deeper.
    internal void Bind(IConfigurationSection section)
    {
        Address = section.GetValue(nameof(Address), Address);
        Server.MaxChannels = section.GetValue(nameof(Server.MaxChannels), Server.MaxChannels);
        Server.ShutdownTimeout = section.GetValue(nameof(Server.ShutdownTimeout), Server.ShutdownTimeout);
        Server.AcceptRetryDelay = section.GetValue(nameof(Server.AcceptRetryDelay), Server.AcceptRetryDelay);
        Server.MaxAcceptRetryDelay = section.GetValue(nameof(Server.MaxAcceptRetryDelay), Server.MaxAcceptRetryDelay);
        Guard = section.GetSection(nameof(Guard)).Get<ConnectionGuardOptions>() ?? Guard;
    }
}
