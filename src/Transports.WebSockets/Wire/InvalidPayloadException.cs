namespace Transports.WebSockets;

/// <summary>A payload is not what its frame says, which has a close code of its own (1007).</summary>
internal sealed class InvalidPayloadException(string message, Exception? innerException = null) : MessageFramingException(message, innerException);
