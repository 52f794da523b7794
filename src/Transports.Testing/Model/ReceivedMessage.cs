namespace Transports.Testing;

/// <summary>A message that arrived; <see cref="Mark"/> is <see langword="null"/> for one of no bytes, which does not say whose it is.</summary>
internal readonly record struct ReceivedMessage(ModelMark? Mark, long Moment)
{
    public override string ToString() => Mark?.ToString() ?? "an empty message";
}
