using Microsoft.Extensions.Logging;

namespace Transports.Sse;

/// <summary>The log messages of clients of event streams; event ids 5000 to 5999.</summary>
internal static partial class Log
{
    [LoggerMessage(5000, LogLevel.Information, "An event stream broke off, and is opened again in {Delay} seconds. {Reason}")]
    public static partial void StreamBrokeOff(ILogger logger, string reason, double delay);
}
