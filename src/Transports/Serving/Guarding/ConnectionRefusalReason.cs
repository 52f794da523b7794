namespace Transports;

/// <summary>Which bound of <see cref="ConnectionGuardOptions"/> a new channel would have passed.</summary>
public enum ConnectionRefusalReason
{
    /// <summary><see cref="ConnectionGuardOptions.MaxChannels"/>.</summary>
    Full,

    /// <summary><see cref="ConnectionGuardOptions.MaxChannelsPerAddress"/>.</summary>
    AddressFull,

    /// <summary><see cref="ConnectionGuardOptions.MaxChannelsPerPrincipal"/>.</summary>
    PrincipalFull,

    /// <summary><see cref="ConnectionGuardOptions.MaxAcceptsPerSecond"/>.</summary>
    AcceptRate,

    /// <summary><see cref="ConnectionGuardOptions.MaxAcceptsPerSecondPerAddress"/>.</summary>
    AddressAcceptRate,

    /// <summary><see cref="ConnectionGuardOptions.MaxBufferedBytes"/>.</summary>
    Memory,
}
