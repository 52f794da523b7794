using System.Runtime.Versioning;

// The desktop and server platforms, on which System.Net.Quic can be asked whether it works.
[assembly: SupportedOSPlatform("linux")]
[assembly: SupportedOSPlatform("macos")]
[assembly: SupportedOSPlatform("windows")]
