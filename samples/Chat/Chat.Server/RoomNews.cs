namespace Chat;

/// <summary>What has happened in a room since a member last looked.</summary>
/// <param name="Said">What was said, in order.</param>
/// <param name="Missed">How many messages before those are no longer kept.</param>
/// <param name="People">Who is there; the same object as long as that has not changed.</param>
/// <param name="Changed">Completes when there is more.</param>
internal readonly record struct RoomNews(IReadOnlyList<Said> Said, long Missed, People People, Task Changed);
