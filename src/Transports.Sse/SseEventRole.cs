namespace Transports;

/// <summary>What an event was besides its data.</summary>
internal enum SseEventRole
{
    Message,
    Close,
    Session,
}
