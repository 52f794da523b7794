using System.Text.Json.Serialization;

namespace Chat;

/// <summary>What a client says. On the wire: one JSON object a message, whose <c>type</c> is the name below.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "type")]
[JsonDerivedType(typeof(Join), "join")]
[JsonDerivedType(typeof(Say), "say")]
[JsonDerivedType(typeof(Ping), "ping")]
public abstract record ChatRequest;

/// <summary>The first message of every channel.</summary>
/// <param name="Room">The room, made when nobody was there before.</param>
/// <param name="Name">Who is coming in.</param>
/// <param name="History">For a client that comes back: which history it has seen, from <see cref="Joined.History"/>.</param>
/// <param name="After">For a client that comes back: the last <see cref="Said.Number"/> it has seen. 0 asks for all that is kept.</param>
public sealed record Join(string Room, string Name, string? History = null, long After = 0) : ChatRequest;

/// <summary>Something to be said in the room.</summary>
/// <param name="Text">The text.</param>
/// <param name="Key">The sender's own name for it. One that is sent again, because the connection broke before it came back as <see cref="Said"/>, counts once.</param>
public sealed record Say(string Text, string Key) : ChatRequest;

/// <summary>Asks for a <see cref="Pong"/>.</summary>
/// <param name="Sent">The sender's own clock.</param>
public sealed record Ping(double Sent) : ChatRequest;
