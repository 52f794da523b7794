namespace Transports.Sse;

/// <summary>A try has failed, and the next one may not. Never leaves <see cref="SseRetries"/>.</summary>
internal sealed class SseTryAgainException(Exception error) : Exception(error.Message, error);
