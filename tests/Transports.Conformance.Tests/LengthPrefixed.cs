namespace Transports.Conformance.Tests;

/// <summary>A message as the default framing puts it on the wire, written out by hand.</summary>
internal static class LengthPrefixed
{
    public static ReadOnlyMemory<byte> Message { get; } = new byte[] { 0, 0, 0, 5, (byte)'h', (byte)'e', (byte)'l', (byte)'l', (byte)'o' };
}
