using System.Net.Quic;
using System.Runtime.Versioning;

namespace Transports.Quic;

/// <summary>The error codes of <c>transports/1</c> and what they mean.</summary>
/// <remarks>
/// <para>One number for each <see cref="ChannelCloseStatus"/>, its own value, in RESET_STREAM, STOP_SENDING and CONNECTION_CLOSE
/// (RFC 9000, sections 19.4, 19.5, 19.19) alike:</para>
/// <list type="table">
/// <listheader><term>this side</term><description>on the wire, and what the other side reports</description></listheader>
/// <item><term>Close, Normal</term><description>FIN. The other side: the end of messages.</description></item>
/// <item><term>Close, any other status</term><description>STOP_SENDING with the status, then FIN. The other side has all messages before; then that status.
/// GoingAway is a clean end there.</description></item>
/// <item><term>Abort</term><description>RESET_STREAM and STOP_SENDING with 8. The other side: ConnectionLost, code 8.</description></item>
/// <item><term>An end found on this side, such as MessageTooLarge</term><description>RESET_STREAM and STOP_SENDING with that status. The other side: the same.</description></item>
/// <item><term>The process dies, or the network</term><description>Nothing. The other side: TimedOut after the idle timeout.</description></item>
/// <item><term>A code of 0, 1, 7, 8 on a stream without FIN, or a foreign one</term><description>ConnectionLost with that code: a clean status cannot
/// be told of a stream that was cut.</description></item>
/// </list>
/// <para>The description of a close is not carried.</para>
/// </remarks>
internal static class QuicCodes
{
    public static long FromStatus(ChannelCloseStatus status) => (long)status;

    /// <summary>The status of a code on a stream that was finished gracefully.</summary>
    public static ChannelCloseStatus ToStatus(long code)
        => code >= 0 && code <= (long)ChannelCloseStatus.TimedOut ? (ChannelCloseStatus)code : ChannelCloseStatus.ConnectionLost;

    /// <summary>What a failed read or write means.</summary>
    [SupportedOSPlatform("linux")]
    [SupportedOSPlatform("macos")]
    [SupportedOSPlatform("windows")]
    public static ChannelCloseInfo Describe(Exception exception)
    {
        var quic = exception as QuicException;
        switch (quic?.QuicError)
        {
            case QuicError.StreamAborted or QuicError.ConnectionAborted when quic.ApplicationErrorCode is { } code:
                var status = ToStatus(code);
                return new ChannelCloseInfo(
                    status is ChannelCloseStatus.Normal or ChannelCloseStatus.GoingAway ? ChannelCloseStatus.ConnectionLost : status,
                    IsRemote: true,
                    ProtocolErrorCode: code,
                    Exception: exception);
            case QuicError.ConnectionIdle or QuicError.ConnectionTimeout:
                return new ChannelCloseInfo(
                    ChannelCloseStatus.TimedOut, IsRemote: true, "Nothing was heard from the peer for the connection's idle timeout.", Exception: exception);
            default:
                return new ChannelCloseInfo(ChannelCloseStatus.ConnectionLost, IsRemote: true, ProtocolErrorCode: quic?.TransportErrorCode, Exception: exception);
        }
    }
}
