namespace Transports.Engine;

/// <summary>Something to send: what the one path of <see cref="SendQueue"/> asks of it. Structs, so that it costs no call.</summary>
internal interface IFrameSend
{
    /// <summary>About how many bytes it will add to the buffer.</summary>
    long Size { get; }

    /// <summary>Writes its frames, all or none. Called under the gate.</summary>
    void WriteTo(SendQueue queue);

    /// <summary>What waits for room in its place.</summary>
    SendWaiter CreateWaiter(SendQueue queue);
}
