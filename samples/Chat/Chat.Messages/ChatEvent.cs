using System.Text.Json.Serialization;

namespace Chat;

/// <summary>What the server says. On the wire: one JSON object a message, whose <c>type</c> is the name below.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "type")]
[JsonDerivedType(typeof(Joined), "joined")]
[JsonDerivedType(typeof(Said), "said")]
[JsonDerivedType(typeof(Missed), "missed")]
[JsonDerivedType(typeof(People), "people")]
[JsonDerivedType(typeof(Pong), "pong")]
[JsonDerivedType(typeof(Refused), "refused")]
public abstract record ChatEvent;

/// <summary>The answer to <see cref="Join"/>. What was said follows.</summary>
/// <param name="Room">The room.</param>
/// <param name="History">Names the room's history. It changes when the server has started anew, and numbers begin at 1 again.</param>
public sealed record Joined(string Room, string History) : ChatEvent;

/// <summary>Somebody said something.</summary>
/// <param name="Number">Counts what was said in the room, from 1, without a gap.</param>
/// <param name="Name">Who.</param>
/// <param name="Text">What.</param>
/// <param name="At">When, by the server's clock.</param>
/// <param name="Key">The key it was sent with.</param>
public sealed record Said(long Number, string Name, string Text, DateTimeOffset At, string Key) : ChatEvent;

/// <summary>Said before what follows, and no longer kept: by a client that was away for too long, or reads too slowly.</summary>
/// <param name="Count">How many messages.</param>
public sealed record Missed(long Count) : ChatEvent;

/// <summary>Who is in the room: after joining, and whenever that changes.</summary>
/// <param name="Names">Each name once, in order.</param>
public sealed record People(IReadOnlyList<string> Names) : ChatEvent;

/// <summary>The answer to <see cref="Ping"/>.</summary>
/// <param name="Sent">As it was in the ping.</param>
public sealed record Pong(double Sent) : ChatEvent;

/// <summary>A request that the server did not take.</summary>
/// <param name="Reason">Why, for people to read.</param>
public sealed record Refused(string Reason) : ChatEvent;
