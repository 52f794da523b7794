namespace Transports;

/// <summary>Walks over frames that nobody will receive, in whatever pieces they come, to see whether a close frame is among them.</summary>
internal struct WebSocketFrameSkipper
{
    private HeaderBytes _header;
    private int _headerLength;
    private long _toSkip;

    /// <summary>Looks at the next bytes.</summary>
    /// <param name="bytes">They follow those of the call before.</param>
    /// <returns><see langword="true"/> when a close frame began.</returns>
    public bool FindsClose(ReadOnlySpan<byte> bytes)
    {
        while (true)
        {
            if (_toSkip > 0)
            {
                var skipped = (int)Math.Min(_toSkip, bytes.Length);
                _toSkip -= skipped;
                bytes = bytes[skipped..];
            }

            if (bytes.IsEmpty)
            {
                return false;
            }

            _header[_headerLength++] = bytes[0];
            bytes = bytes[1..];
            if (!WebSocketFrameHeader.TryRead(_header[.._headerLength], out var header))
            {
                continue;
            }

            if (header.Opcode == WebSocketOpcode.Close)
            {
                return true;
            }

            _headerLength = 0;
            _toSkip = Math.Max(0, header.PayloadLength);
        }
    }

    [System.Runtime.CompilerServices.InlineArray(WebSocketFrameHeader.MaxSize)]
    private struct HeaderBytes
    {
        private byte _first;
    }
}
