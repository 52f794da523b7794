using Microsoft.Extensions.Options;

namespace Transports;

/// <summary>Checks the options of the server of one name.</summary>
internal sealed class HostedMessageServerOptionsValidator(string serverName) : IValidateOptions<HostedMessageServerOptions>
{
    public ValidateOptionsResult Validate(string? name, HostedMessageServerOptions options)
        => name == serverName
            ? HostingKeys.Check(HostingKeys.Server(serverName), options.Address, () => options.ToServerOptions(null).Validate())
            : ValidateOptionsResult.Skip;
}
