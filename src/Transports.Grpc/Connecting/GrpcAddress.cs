namespace Transports.Grpc;

/// <summary>An address taken apart: <c>grpc+http://host:port/package.Service/Method</c>, or the same behind a prefix.</summary>
/// <param name="Http">Where the request goes.</param>
/// <param name="Path">The request's path, without slashes around it.</param>
/// <param name="Method">The path's last two segments, <c>package.Service/Method</c>.</param>
/// <param name="HasEnvelope">Whether it is the default method, since the address names none.</param>
internal sealed record GrpcAddress(Uri Http, string Path, string Method, bool HasEnvelope)
{
    public const string Cleartext = "grpc+http";
    public const string Encrypted = "grpc+https";

    public bool IsEncrypted => Http.Scheme == Uri.UriSchemeHttps;

    public static GrpcAddress Parse(Uri address)
    {
        ArgumentNullException.ThrowIfNull(address);
        if (!address.IsAbsoluteUri || !(address.Scheme is Cleartext or Encrypted))
        {
            throw new ArgumentException($"'{AddressText.Of(address)}' is not a gRPC address. Write grpc+http://host:port or grpc+https://host:port, with /package.Service/Method for a method of your own.", nameof(address));
        }

        if (address.Host.Length == 0)
        {
            throw new ArgumentException($"'{AddressText.Of(address)}' names no host.", nameof(address));
        }

        if (address.Query.Length > 0 || address.Fragment.Length > 0)
        {
            throw new ArgumentException($"'{AddressText.Of(address)}' has a query or a fragment, which gRPC addresses do not have.", nameof(address));
        }

        AddressText.ThrowIfUserInfo(address, "send credentials as metadata, such as GrpcTransportOptions.Headers.Add(\"authorization\", …)", nameof(address));
        var path = address.AbsolutePath.Trim('/');
        var hasEnvelope = path.Length == 0;
        if (!hasEnvelope)
        {
            if (!path.Contains('/', StringComparison.Ordinal) || path.Contains("//", StringComparison.Ordinal))
            {
                throw new ArgumentException(
                    $"The path of '{AddressText.Of(address)}' is not a gRPC method. Write /package.Service/Method, behind a gateway's prefix if there is one, or nothing for the method {Envelope.Method}.",
                    nameof(address));
            }
        }
        else
        {
            path = Envelope.Method;
        }

        var isEncrypted = address.Scheme == Encrypted;
        var port = address.Port >= 0 ? address.Port : isEncrypted ? 443 : 80;
        var http = new UriBuilder(isEncrypted ? Uri.UriSchemeHttps : Uri.UriSchemeHttp, address.IdnHost, port, "/" + path).Uri;
        return new GrpcAddress(http, path, MethodOf(path), hasEnvelope);
    }

    /// <summary>The method that a request's path names: its last two segments. What stands before them is a prefix that a gateway or the application put there.</summary>
    public static string MethodOf(string path)
    {
        path = path.Trim('/');
        var slash = path.LastIndexOf('/');
        var before = slash <= 0 ? -1 : path.LastIndexOf('/', slash - 1);
        return path[(before + 1)..];
    }
}
