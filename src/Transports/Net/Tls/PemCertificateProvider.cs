using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Transports;

/// <summary>
/// A certificate from PEM files, such as an ACME client keeps: read again when a file has changed, so that a renewed one is
/// used from the next handshake on. Give <see cref="GetCertificateContext"/> to <see cref="TlsServerOptions.CertificateSelector"/>.
/// </summary>
/// <remarks>
/// The files' times of last write are looked at in every handshake. Files that cannot be used, for instance because one of
/// the two has been replaced and the other not yet, leave the certificate before in use; a warning is logged and the next
/// handshake tries again.
/// </remarks>
public sealed class PemCertificateProvider
{
    private readonly string _certificatePath;
    private readonly string _keyPath;
    private readonly string? _keyPassword;
    private readonly ILogger _logger;
    private readonly Lock _reloading = new();
    private volatile Loaded _current;
    private (DateTime Certificate, DateTime Key) _warnedAbout;

    /// <summary>Reads the files.</summary>
    /// <param name="certificatePath">A PEM file with the certificate, then its intermediates if it has any.</param>
    /// <param name="keyPath">A PEM file with the private key; by default in the same file.</param>
    /// <param name="keyPassword">The key's password; by default it has none.</param>
    /// <param name="loggerFactory">Where a failed reload is logged; by default nowhere.</param>
    /// <exception cref="CryptographicException">The files do not hold a certificate and a key.</exception>
    /// <exception cref="ArgumentException">The key is not that of the certificate.</exception>
    /// <exception cref="IOException">A file could not be read.</exception>
    public PemCertificateProvider(string certificatePath, string? keyPath = null, string? keyPassword = null, ILoggerFactory? loggerFactory = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(certificatePath);
        _certificatePath = certificatePath;
        _keyPath = keyPath ?? certificatePath;
        _keyPassword = keyPassword;
        _logger = loggerFactory?.CreateLogger("Transports.Tls") ?? NullLogger.Instance;
        _current = Load(Times());
    }

    /// <summary>The certificate as the files have it now.</summary>
    /// <param name="hostName">Not used: the files have one certificate for every name.</param>
    public SslStreamCertificateContext GetCertificateContext(string? hostName = null)
    {
        var times = Times();
        if (_current.Times == times || !_reloading.TryEnter())
        {
            return _current.Context;
        }

        try
        {
            if (_current.Times != times)
            {
                _current = Load(times);
                Log.CertificateReloaded(_logger, _certificatePath, _current.Context.TargetCertificate.NotAfter.ToUniversalTime());
            }
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException or IOException or UnauthorizedAccessException)
        {
            if (_warnedAbout != times)
            {
                _warnedAbout = times;
                Log.CertificateNotReloaded(_logger, e, _certificatePath, _keyPath);
            }
        }
        finally
        {
            _reloading.Exit();
        }

        return _current.Context;
    }

    // A file that is missing has the time 1601-01-01, which differs from any it had.
    private (DateTime Certificate, DateTime Key) Times() => (File.GetLastWriteTimeUtc(_certificatePath), File.GetLastWriteTimeUtc(_keyPath));

    private Loaded Load((DateTime, DateTime) times)
    {
        var certificate = _keyPassword is null
            ? X509Certificate2.CreateFromPemFile(_certificatePath, _keyPath)
            : X509Certificate2.CreateFromEncryptedPemFile(_certificatePath, _keyPassword, _keyPath);
        if (OperatingSystem.IsWindows())
        {
            // Windows' TLS cannot use a key that lives in this process alone.
            using var inMemory = certificate;
            certificate = X509CertificateLoader.LoadPkcs12(inMemory.Export(X509ContentType.Pkcs12), null);
        }

        var all = new X509Certificate2Collection();
        all.ImportFromPemFile(_certificatePath);
        var intermediates = new X509Certificate2Collection(all.Skip(1).ToArray());

        // Offline: what the peer needs is in the file; nothing is fetched during a handshake.
        return new Loaded(SslStreamCertificateContext.Create(certificate, intermediates, offline: true), times);
    }

    private sealed record Loaded(SslStreamCertificateContext Context, (DateTime Certificate, DateTime Key) Times);
}
