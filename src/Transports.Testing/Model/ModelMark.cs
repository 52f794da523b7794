namespace Transports.Testing;

/// <summary>Who sent a message: the end (0 the client), the actor there, its step, and the place in the batch.</summary>
internal readonly record struct ModelMark(int End, int Sender, int Step, int Index)
{
    public override string ToString() => $"{(End == 0 ? "client" : "server")}.{Sender}#{Step}[{Index}]";
}
