using System.Buffers;
using System.Buffers.Binary;
using System.Buffers.Text;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using System.Text;
using Microsoft.AspNetCore.Http;

namespace Transports.AspNetCore;

/// <summary>
/// gRPC-Web (grpc/grpc, <c>doc/PROTOCOL-WEB.md</c>): the trailers are the last frame of the body, and in the text variant the body is base64.
/// </summary>
internal sealed class GrpcWebServerConnection(HttpContext context, GrpcServerCall call, bool hasEnvelope, MessageChannelOptions options)
    : GrpcServerConnection(context, call, hasEnvelope, options)
{
    private const byte TrailerFlag = 0x80;

    // Decoded bytes that the last read had no room for.
    private readonly byte[] _rest = new byte[3];
    private int _restStart;
    private int _restEnd;

    private bool IsText => Call.Wire == GrpcWire.WebText;

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    protected override async ValueTask WriteBodyAsync(ReadOnlyMemory<byte> buffer)
    {
        Write(buffer.Span);
        ThrowIfGone(await Output.FlushAsync(CancellationToken.None).ConfigureAwait(false));
    }

    protected override async Task WriteEndAsync(IEnumerable<(string Name, string Value)> trailers)
    {
        Call.WriteHeaders();
        var text = new StringBuilder();
        foreach (var (name, value) in trailers)
        {
            text.Append(name).Append(": ").Append(value).Append("\r\n");
        }

        var frame = new byte[GrpcCodec.PrefixSize + text.Length];
        frame[0] = TrailerFlag;
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(1), text.Length);
        Encoding.ASCII.GetBytes(text.ToString(), frame.AsSpan(GrpcCodec.PrefixSize));
        Write(frame);
        await Output.FlushAsync(CancellationToken.None).ConfigureAwait(false);
        await Context.Response.CompleteAsync().ConfigureAwait(false);
    }

    protected override bool TryTake(in ReadResult result, Memory<byte> buffer, out int count)
    {
        if (!IsText)
        {
            return base.TryTake(result, buffer, out count);
        }

        if (_restStart < _restEnd)
        {
            Input.AdvanceTo(result.Buffer.Start);
            count = TakeRest(buffer.Span);
            return true;
        }

        count = 0;
        var available = result.Buffer;
        var whole = available.Length / 4 * 4;
        if (buffer.IsEmpty || whole == 0)
        {
            var mayRead = (buffer.IsEmpty && whole > 0) || result.IsCanceled || result.IsCompleted;
            Input.AdvanceTo(available.Start, mayRead ? available.Start : available.End);
            ThrowIfAborted(result);
            return mayRead && !buffer.IsEmpty && !available.IsEmpty && !result.IsCanceled ? throw NotBase64() : mayRead;
        }

        var groups = Math.Max(1, Math.Min(whole / 4, buffer.Length / 3));
        var encoded = available.Slice(0, groups * 4);

        // Each piece that the client encoded by itself may end with padding.
        if (encoded.PositionOf((byte)'=') is { } padding)
        {
            encoded = available.Slice(0, (available.Slice(0, padding).Length / 4 + 1) * 4);
        }

        Span<byte> one = stackalloc byte[3];
        var target = buffer.Length >= 3 ? buffer.Span : one;
        if (Base64.DecodeFromUtf8(encoded.IsSingleSegment ? encoded.FirstSpan : encoded.ToArray(), target, out _, out count) != OperationStatus.Done)
        {
            Input.AdvanceTo(available.Start);
            throw NotBase64();
        }

        Input.AdvanceTo(encoded.End);
        ThrowIfAborted(result);
        if (buffer.Length < 3)
        {
            one[..count].CopyTo(_rest);
            (_restStart, _restEnd) = (0, count);
            count = TakeRest(buffer.Span);
        }

        return true;
    }

    private static GrpcCallFailedException NotBase64()
        => new(new ChannelCloseInfo(ChannelCloseStatus.ProtocolError, IsRemote: false, "The body of a grpc-web-text request is not base64."));

    private int TakeRest(Span<byte> buffer)
    {
        var count = Math.Min(buffer.Length, _restEnd - _restStart);
        _rest.AsSpan(_restStart, count).CopyTo(buffer);
        _restStart += count;
        return count;
    }

    private void Write(ReadOnlySpan<byte> bytes)
    {
        if (!IsText)
        {
            Output.Write(bytes);
            return;
        }

        var span = Output.GetSpan(Base64.GetMaxEncodedToUtf8Length(bytes.Length));
        Base64.EncodeToUtf8(bytes, span, out _, out var written);
        Output.Advance(written);
    }
}
