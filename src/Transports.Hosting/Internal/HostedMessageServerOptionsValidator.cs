using Microsoft.Extensions.Options;

namespace Transports.Hosting;

/// <summary>Checks the options of the server of one name.</summary>
internal sealed class HostedMessageServerOptionsValidator(string serverName) : IValidateOptions<HostedMessageServerOptions>
{
    public ValidateOptionsResult Validate(string? name, HostedMessageServerOptions options)
        => name == serverName
            ? Validate(options)
            : ValidateOptionsResult.Skip;

    private ValidateOptionsResult Validate(HostedMessageServerOptions options)
    {
        var section = HostingKeys.Server(serverName);
        var result = HostingKeys.Check(section, options.Address, options.Server.Validate);
        return result.Failed || options.Guard is not { } guard
            ? result
            : HostingKeys.Check($"{section}:{nameof(options.Guard)}", options.Address, guard.Validate);
    }
}
