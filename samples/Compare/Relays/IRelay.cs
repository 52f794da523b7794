namespace Compare.Relays;

/// <summary>Stands between client and listener, passes bytes on unchanged and counts them: what is really on the wire, seen from outside.</summary>
internal interface IRelay : IAsyncDisposable
{
    /// <summary>Where to connect instead of the listener.</summary>
    Uri Address { get; }

    /// <summary>Bytes passed on so far, both ways together.</summary>
    long BytesPassed { get; }
}
