using System.Buffers.Binary;
using System.Net.WebSockets;
using System.Runtime.CompilerServices;
using System.Text;

namespace Transports.WebSockets;

/// <summary>Takes records out of what a send queue hands on, in whatever pieces they come, and sends each as a message of the WebSocket. No token reaches the WebSocket, which would be aborted by it.</summary>
/// <param name="webSocket">The WebSocket.</param>
/// <param name="options">For how long a send may take.</param>
/// <param name="onStuck">Called when one takes longer; must end the WebSocket, which ends the send.</param>
internal sealed class ForeignWebSocketWriter(WebSocket webSocket, MessageChannelOptions options, Action onStuck)
{
    private readonly byte[] _header = new byte[RecordCodec.HeaderSize];
    private int _headerLength;
    private WebSocketOpcode _opcode;
    private int _left;
    private byte[]? _close;
    private int _closeLength;

    private bool IsInsideRecord => _headerLength == _header.Length;

    /// <summary>Sends what is whole, and of a message that is not, what is there.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    public async ValueTask WriteAsync(ReadOnlyMemory<byte> records)
    {
        while (!records.IsEmpty)
        {
            if (!IsInsideRecord)
            {
                records = records[TakeHeader(records.Span)..];
                if (!IsInsideRecord)
                {
                    return;
                }
            }

            var piece = records[..Math.Min(_left, records.Length)];
            records = records[piece.Length..];
            _left -= piece.Length;
            var isWhole = _left == 0;
            if (_opcode == WebSocketOpcode.Close)
            {
                piece.CopyTo(_close.AsMemory(_closeLength));
                _closeLength += piece.Length;
                if (isWhole)
                {
                    await WaitAsync(CloseAsync()).ConfigureAwait(false);
                }
            }
            else if (isWhole || !piece.IsEmpty)
            {
                var type = _opcode == WebSocketOpcode.Text ? WebSocketMessageType.Text : WebSocketMessageType.Binary;
                await WaitAsync(webSocket.SendAsync(piece, type, isWhole ? WebSocketMessageFlags.EndOfMessage : WebSocketMessageFlags.None, CancellationToken.None)).ConfigureAwait(false);
            }

            if (isWhole)
            {
                _headerLength = 0;
            }
        }
    }

    private int TakeHeader(ReadOnlySpan<byte> records)
    {
        var taken = Math.Min(_header.Length - _headerLength, records.Length);
        records[..taken].CopyTo(_header.AsSpan(_headerLength));
        _headerLength += taken;
        if (IsInsideRecord)
        {
            (_left, _opcode) = RecordCodec.ReadHeader(_header);
            if (_opcode == WebSocketOpcode.Close)
            {
                _close = new byte[_left];
            }
        }

        return taken;
    }

    private ValueTask WaitAsync(ValueTask sending)
    {
        if (!sending.IsCompleted && options.SendTimeout != Timeout.InfiniteTimeSpan)
        {
            return WaitBoundedAsync(sending);
        }

        return sending;
    }

    private async ValueTask WaitBoundedAsync(ValueTask sending)
    {
        var timer = options.TimeProvider.CreateTimer(static state => ((Action)state!)(), onStuck, options.SendTimeout, Timeout.InfiniteTimeSpan);
        await using (timer.ConfigureAwait(false))
        {
            await sending.ConfigureAwait(false);
        }
    }

    private ValueTask CloseAsync()
    {
        if (webSocket.State is not (WebSocketState.Open or WebSocketState.CloseReceived))
        {
            return ValueTask.CompletedTask;
        }

        // A frame without a code is answered with 1000: many a WebSocket cannot send one.
        var (code, reason) = _closeLength == 0
            ? (CloseCode.Normal, null)
            : (BinaryPrimitives.ReadUInt16BigEndian(_close), Encoding.UTF8.GetString(_close.AsSpan(sizeof(ushort), _closeLength - sizeof(ushort))));
        return new ValueTask(webSocket.CloseOutputAsync((WebSocketCloseStatus)code, reason, CancellationToken.None));
    }
}
