using System.Net;
using Microsoft.Extensions.Logging;

namespace Transports.Engine;

/// <summary>Tells of refusals in one line a second at most: who floods a server must not flood its log. Not for concurrent use.</summary>
internal sealed class RefusalLog(ILogger logger, TimeProvider timeProvider)
{
    private long? _lastAt;
    private int _untold;
    private IPAddress? _address;
    private ConnectionRefusalReason _reason;

    /// <summary>Whether refusals wait to be told.</summary>
    public bool IsBehind => _untold > 0;

    public void Add(IPAddress? address, ConnectionRefusalReason reason)
    {
        _untold++;
        _address = address;
        _reason = reason;
        Tell();
    }

    /// <summary>Tells what is untold, if it is time.</summary>
    public void Tell()
    {
        var now = timeProvider.GetTimestamp();
        if (_untold > 0 && (_lastAt is not { } last || timeProvider.GetElapsedTime(last, now) >= TimeSpan.FromSeconds(1)))
        {
            _lastAt = now;
            Log.ConnectionsRefused(logger, _untold, _address, _reason);
            _untold = 0;
        }
    }
}
