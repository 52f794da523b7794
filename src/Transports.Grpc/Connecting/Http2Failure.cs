namespace Transports.Grpc;

/// <summary>Finds the reason in what the HTTP stack throws.</summary>
internal static class Http2Failure
{
    /// <summary>How the channel ended; a lost connection when the exception does not tell.</summary>
    public static ChannelCloseInfo Describe(Exception exception)
    {
        for (var current = exception; current is not null; current = current.InnerException)
        {
            switch (current)
            {
                case GrpcCallFailedException failed:
                    return failed.Info;
                case MessageChannelClosedException closed:
                    return closed.CloseInfo;
                case HttpProtocolException silence when silence.Message.Contains(nameof(SocketsHttpHandler.KeepAlivePingDelay), StringComparison.Ordinal):
                    // Under the code of a PROTOCOL_ERROR by the peer; only the text, which names the property, tells the two apart.
                    return new ChannelCloseInfo(
                        ChannelCloseStatus.TimedOut,
                        IsRemote: true,
                        "The server has not answered a PING in time (KeepAliveInterval, KeepAliveTimeout).",
                        (long)GrpcStatusCode.Unavailable,
                        exception);
                case HttpProtocolException { ErrorCode: 0 } leaving when IsConnectionClosed(leaving):
                    // A server that goes away gracefully, before it has answered this call.
                    return new ChannelCloseInfo(
                        ChannelCloseStatus.ConnectionLost,
                        IsRemote: true,
                        "The server has closed the connection (GOAWAY) before it ended the call.",
                        (long)GrpcStatusCode.Unavailable,
                        exception);
                case HttpProtocolException { ErrorCode: 0 or 0x100 }:
                    // RFC 9113, section 8.1, and H3_NO_ERROR: the server has answered, and reads no more. Its answer tells how the call ended.
                    return new ChannelCloseInfo(
                        ChannelCloseStatus.ConnectionLost,
                        IsRemote: true,
                        "The server reads no more of this call. What it sent before, and its status, can still be received.",
                        (long)GrpcStatusCode.Unavailable,
                        exception);
                case HttpProtocolException reset:
                    return FromReset(reset, exception);
            }
        }

        return new ChannelCloseInfo(ChannelCloseStatus.ConnectionLost, IsRemote: true, ProtocolErrorCode: (long)GrpcStatusCode.Unavailable, Exception: exception);
    }

    /// <summary>The exception for a call that could not be opened.</summary>
    public static TransportException CannotConnect(Uri address, Exception exception, HttpConnector connector)
    {
        var advice = exception switch
        {
            HttpRequestException { HttpRequestError: HttpRequestError.VersionNegotiationError or HttpRequestError.InvalidResponse }
                => "The server does not speak HTTP/2 there: check the port, and http against https. ",
            _ => "",
        };
        return new TransportException($"Could not open a gRPC call to {AddressText.Of(address)}. {advice}{connector.Explain(address, exception)}", exception);
    }

    // The stack has one exception for a connection's GOAWAY and a stream's RST_STREAM; only the text tells the two apart.
    private static bool IsConnectionClosed(HttpProtocolException exception) => exception.Message.Contains("closed the connection", StringComparison.Ordinal);

    private static ChannelCloseInfo FromReset(HttpProtocolException reset, Exception exception)
    {
        var code = CloseStatusMap.FromHttpError(reset.ErrorCode);

        // CANCEL from the peer is its abort: the connection of this channel is gone without a word.
        var status = code is GrpcStatusCode.Cancelled ? ChannelCloseStatus.ConnectionLost : CloseStatusMap.FromGrpc(code);
        return new ChannelCloseInfo(
            status,
            IsRemote: true,
            IsConnectionClosed(reset) ? $"The server closed the connection with the error code {reset.ErrorCode}." : $"The peer reset the stream with the error code {reset.ErrorCode}.",
            (long)code,
            exception);
    }
}
