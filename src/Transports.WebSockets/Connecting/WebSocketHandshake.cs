using System.Security.Cryptography;
using System.Text;

namespace Transports.WebSockets;

/// <summary>The names and sums of the opening handshake: RFC 6455, section 4.</summary>
internal static class WebSocketHandshake
{
    public const string Version = "13";
    public const string Protocol = "websocket";
    public const string KeyHeader = "Sec-WebSocket-Key";
    public const string AcceptHeader = "Sec-WebSocket-Accept";
    public const string VersionHeader = "Sec-WebSocket-Version";
    public const string SubProtocolHeader = "Sec-WebSocket-Protocol";
    public const string ExtensionsHeader = "Sec-WebSocket-Extensions";

    // RFC 6455, section 1.3.
    private const string Guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    private const int KeyLength = 16;
    private const int KeyLengthInBase64 = 24;

    public static string NewKey()
    {
        Span<byte> key = stackalloc byte[KeyLength];
        RandomNumberGenerator.Fill(key);
        return Convert.ToBase64String(key);
    }

    /// <summary>Whether a key is the base64 of 16 bytes, with nothing between.</summary>
    public static bool IsKey(string? key)
    {
        Span<byte> bytes = stackalloc byte[KeyLength + 2];
        return key is { Length: KeyLengthInBase64 } && Convert.TryFromBase64String(key, bytes, out var length) && length == KeyLength;
    }

    /// <summary>The answer that proves the key was read.</summary>
    public static string Accept(string key)
    {
        Span<byte> hash = stackalloc byte[SHA1.HashSizeInBytes];

        // SHA-1 is what the protocol says; it proves understanding, not identity.
#pragma warning disable CA5350
        SHA1.HashData(Encoding.ASCII.GetBytes(key + Guid), hash);
#pragma warning restore CA5350
        return Convert.ToBase64String(hash);
    }

    /// <summary>Whether a name may stand as a subprotocol: a token of RFC 9110, section 5.6.2.</summary>
    public static bool IsSubProtocol(string name)
        => name.Length > 0 && name.All(static c => char.IsAsciiLetterOrDigit(c) || "!#$%&'*+-.^_`|~".Contains(c, StringComparison.Ordinal));
}
