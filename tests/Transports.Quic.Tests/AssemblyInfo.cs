using System.Runtime.Versioning;

// Where System.Net.Quic can be; each test that needs it asks first whether it is there.
[assembly: SupportedOSPlatform("linux")]
[assembly: SupportedOSPlatform("macos")]
[assembly: SupportedOSPlatform("windows")]
