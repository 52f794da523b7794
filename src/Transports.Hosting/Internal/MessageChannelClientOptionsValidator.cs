using Microsoft.Extensions.Options;

namespace Transports.Hosting;

/// <summary>Checks the options of the client of one name.</summary>
internal sealed class MessageChannelClientOptionsValidator(string clientName) : IValidateOptions<MessageChannelClientOptions>
{
    public ValidateOptionsResult Validate(string? name, MessageChannelClientOptions options)
        => name == clientName
            ? HostingKeys.Check(
                HostingKeys.Client(clientName),
                options.Address,
                () => OptionGuard.ThrowIfNotPositive(options.ConnectTimeout, nameof(MessageChannelClientOptions.ConnectTimeout)))
            : ValidateOptionsResult.Skip;
}
