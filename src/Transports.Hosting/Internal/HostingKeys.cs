using Microsoft.Extensions.Options;

namespace Transports.Hosting;

/// <summary>The configuration sections, and errors that name the key in them.</summary>
internal static class HostingKeys
{
    public static string Server(string name) => $"Transports:Servers:{name}";

    public static string Client(string name) => $"Transports:Clients:{name}";

    public static ValidateOptionsResult Check(string section, Uri? address, Action checkRest)
    {
        if (address is null)
        {
            return ValidateOptionsResult.Fail(
                $"{section}:Address is missing. Set it in the configuration or where the name is added, to an address such as tcp://localhost:5000.");
        }

        if (!address.IsAbsoluteUri)
        {
            return ValidateOptionsResult.Fail($"{section}:Address is '{AddressText.Of(address)}', which has no scheme. Write it whole, such as tcp://localhost:5000.");
        }

        try
        {
            checkRest();
            return ValidateOptionsResult.Success;
        }
        catch (ArgumentOutOfRangeException e)
        {
            return ValidateOptionsResult.Fail($"{section}:{e.ParamName} is out of its range. {e.Message}");
        }
    }
}
