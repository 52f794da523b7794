using System.Net.Quic;
using System.Runtime.Versioning;

namespace Transports.Quic;

/// <summary>Whether this machine has what System.Net.Quic needs, and how to get it.</summary>
internal static class QuicSupport
{
    private const string InstallationHint =
        "Debian, Ubuntu, Fedora, openSUSE: add Microsoft's package repository (https://learn.microsoft.com/linux/packages) and install libmsquic. "
        + "Alpine: apk add libmsquic (community repository, 3.21 or later). macOS: brew install libmsquic. "
        + "Windows 11 and Server 2022 or later have it. See https://learn.microsoft.com/dotnet/fundamentals/networking/quic/quic-overview.";

    [SupportedOSPlatformGuard("linux")]
    [SupportedOSPlatformGuard("macos")]
    [SupportedOSPlatformGuard("windows")]
    public static bool IsSupported => (OperatingSystem.IsLinux() || OperatingSystem.IsMacOS() || OperatingSystem.IsWindows()) && QuicListener.IsSupported;

    public static TransportUnavailableException Missing() => new("QUIC: the native library libmsquic (2.5 or later), or TLS 1.3", InstallationHint);
}
