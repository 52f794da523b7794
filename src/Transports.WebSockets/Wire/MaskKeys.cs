using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Transports.WebSockets;

/// <summary>Keys for masking, unpredictable as RFC 6455, section 5.3 asks, drawn from the system in handfuls. For one thread at a time.</summary>
internal sealed class MaskKeys
{
    // Drawing 4 bytes costs as much as drawing 256.
    private readonly byte[] _keys = new byte[256];
    private int _next = 256;

    public uint Next()
    {
        if (_next == _keys.Length)
        {
            RandomNumberGenerator.Fill(_keys);
            _next = 0;
        }

        var key = MemoryMarshal.Read<uint>(_keys.AsSpan(_next));
        _next += Mask.KeySize;
        return key;
    }
}
