namespace Transports;

/// <summary>An address taken apart: <c>grpc+http://host:port/package.Service/Method</c>.</summary>
internal sealed record GrpcAddress(Uri Http, string Method, bool HasEnvelope)
{
    public const string Cleartext = "grpc+http";
    public const string Encrypted = "grpc+https";

    public bool IsEncrypted => Http.Scheme == Uri.UriSchemeHttps;

    public static GrpcAddress Parse(Uri address)
    {
        ArgumentNullException.ThrowIfNull(address);
        if (!address.IsAbsoluteUri || !(address.Scheme is Cleartext or Encrypted))
        {
            throw new ArgumentException($"'{address}' is not a gRPC address. Write grpc+http://host:port or grpc+https://host:port, with /package.Service/Method for a method of your own.", nameof(address));
        }

        if (address.Host.Length == 0)
        {
            throw new ArgumentException($"'{address}' names no host.", nameof(address));
        }

        if (address.Query.Length > 0 || address.Fragment.Length > 0)
        {
            throw new ArgumentException($"'{address}' has a query or a fragment, which gRPC addresses do not have.", nameof(address));
        }

        var path = address.AbsolutePath.Trim('/');
        var hasEnvelope = path.Length == 0;
        if (!hasEnvelope)
        {
            var slash = path.IndexOf('/', StringComparison.Ordinal);
            if (slash <= 0 || slash != path.LastIndexOf('/') || slash == path.Length - 1)
            {
                throw new ArgumentException($"The path of '{address}' is not a gRPC method. Write /package.Service/Method, or nothing for the method {Envelope.Method}.", nameof(address));
            }
        }
        else
        {
            path = Envelope.Method;
        }

        var isEncrypted = address.Scheme == Encrypted;
        var port = address.Port >= 0 ? address.Port : isEncrypted ? 443 : 80;
        var http = new UriBuilder(isEncrypted ? Uri.UriSchemeHttps : Uri.UriSchemeHttp, address.IdnHost, port, "/" + path).Uri;
        return new GrpcAddress(http, path, hasEnvelope);
    }
}
