namespace Transports.Testing;

/// <summary>When a step's token is cancelled.</summary>
internal enum ModelCancel
{
    Never,
    Before,

    /// <summary>At some moment after the call.</summary>
    Later,
}
