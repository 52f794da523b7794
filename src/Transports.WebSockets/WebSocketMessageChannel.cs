using System.Buffers;
using System.Buffers.Binary;
using System.Net.WebSockets;
using System.Text;

namespace Transports;

/// <summary>A message channel over WebSocket frames (RFC 6455): one WebSocket message is one message, its kind kept.</summary>
/// <remarks>
/// <para>Frames are written straight into the channel's output buffer, where many share one write, and read out of its input
/// buffer without a copy.</para>
/// <para>Close: the close frame goes behind all that was accepted; the connection is kept until the peer has answered, at most
/// for <see cref="MessageChannelOptions.CloseTimeout"/>. A message that breaks the protocol or a limit is refused with
/// the close code that says so.</para>
/// </remarks>
public sealed class WebSocketMessageChannel : FramedMessageChannel, IWebSocketFeature
{
    private static readonly Action<(WebSocketMessageChannel Channel, WebSocketOpcode Opcode), IBufferWriter<byte>> ControlWriter =
        static (state, output) => state.Channel.WriteControlFrame(state.Opcode, state.Channel._controlPayload.AsSpan(0, state.Channel._controlLength), output);

    private static readonly Action<WebSocketMessageChannel, IBufferWriter<byte>> PingWriter =
        static (channel, output) => channel.WriteControlFrame(WebSocketOpcode.Ping, [], output);

    private readonly WebSocketFraming _framing;
    private readonly WebSocketDecoder _decoder;
    private readonly WebSocketMaskKeys? _keys;
    private readonly byte[] _controlPayload = new byte[WebSocketFrameHeader.MaxControlPayload];
    private readonly Func<Type, object?>? _features;
    private readonly WebSocketStreamConnection? _stream;
    private readonly WebSocketKeepAlive? _keepAlive;
    private int _controlLength;
    private PooledBytes? _compressed;
    private WebSocketFrameSkipper _skipper;
    private int _peerCloseCode;

    internal WebSocketMessageChannel(
        ByteConnection connection,
        WebSocketFraming framing,
        MessageChannelContext context,
        string? subProtocol = null,
        Func<Type, object?>? features = null)
        : base(connection, framing, context)
    {
        _framing = framing;
        _decoder = framing.Decoder!;
        framing.Channel = this;
        _stream = connection as WebSocketStreamConnection;
        SubProtocol = subProtocol;
        _features = features;
        _keys = framing.IsServer ? null : new WebSocketMaskKeys();
        if (context.Options is WebSocketChannelOptions options && options.KeepAliveInterval != Timeout.InfiniteTimeSpan)
        {
            _keepAlive = new WebSocketKeepAlive(this, options);
        }
    }

    /// <inheritdoc/>
    public string? SubProtocol { get; }

    /// <inheritdoc/>
    public bool IsCompressed => _framing.IsCompressed;

    internal bool CanHear => IsWaitingForPeer;

    /// <inheritdoc/>
    protected override bool HasEnd => true;

    /// <summary>A channel over a stream on which the opening handshake is done.</summary>
    /// <param name="stream">The stream; the channel owns it from here on. Reading and writing at once must be allowed.</param>
    /// <param name="isServer">Which side this is: clients mask their frames.</param>
    /// <param name="subProtocol">The subprotocol agreed on, if any.</param>
    /// <param name="options">Limits; by default those of <see cref="WebSocketChannelOptions"/>. Compression is used when it is on here, so it must have been agreed on.</param>
    public static WebSocketMessageChannel Create(Stream stream, bool isServer, string? subProtocol = null, WebSocketChannelOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(stream);
        options ??= new WebSocketChannelOptions();
        options.Validate();
        return new WebSocketMessageChannel(
            new WebSocketStreamConnection(stream, flushes: true),
            new WebSocketFraming(isServer, options.UseCompression ? WebSocketDeflateAgreement.Default : null, options.BufferPool),
            new MessageChannelContext
            {
                Transport = "ws",
                Side = isServer ? ChannelSide.Server : ChannelSide.Client,
                Options = options,
                Characteristics = WebSocketTransport.CharacteristicsOf(isEncrypted: false, isMultiplexed: false),
            },
            subProtocol);
    }

    /// <summary>A channel over any <see cref="WebSocket"/>, for one that somebody else has opened.</summary>
    /// <param name="webSocket">The open WebSocket; the channel owns it from here on.</param>
    /// <param name="options">Limits; by default those of <see cref="MessageChannelOptions"/>. Keep-alives and compression are the WebSocket's own matter.</param>
    /// <returns>
    /// The channel. Each message costs a send and a receive of the WebSocket: where there is a choice, a channel over the stream
    /// below it is several times faster.
    /// </returns>
    public static IMessageChannel Create(WebSocket webSocket, MessageChannelOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(webSocket);
        options ??= new MessageChannelOptions();
        options.Validate();
        return new ForeignWebSocketMessageChannel(webSocket, new MessageChannelContext
        {
            Transport = "ws",
            Side = ChannelSide.Client,
            Options = options,
            Characteristics = WebSocketTransport.CharacteristicsOf(isEncrypted: false, isMultiplexed: false),
        });
    }

    /// <inheritdoc/>
    public override TFeature? GetFeature<TFeature>()
        where TFeature : class
        => base.GetFeature<TFeature>() ?? _features?.Invoke(typeof(TFeature)) as TFeature;

    /// <summary>A ping from the peer: answer with its payload (RFC 6455, section 5.5.3).</summary>
    internal void OnPing(ReadOnlySpan<byte> payload)
    {
        payload.CopyTo(_controlPayload);
        _controlLength = payload.Length;
        TryWriteControl((this, WebSocketOpcode.Pong), ControlWriter);
    }

    internal void OnClose(int code, string? reason)
    {
        _peerCloseCode = code;
        EndByPeerInOrder(WebSocketCloseCode.Describe(code, reason, _decoder.IsInsideMessage));
    }

    /// <summary>
    /// The host has found the connection gone. What has arrived can still be received, and then the end; a send is the channel's end at
    /// once: the host would take it, and drop it.
    /// </summary>
    internal void OnConnectionAborted() => _stream?.RefuseWrites();

    internal bool Ping() => TryWriteControl(this, PingWriter);

    internal bool TakeHeard() => _decoder.TakeHeard();

    internal void OnSilence(TimeSpan silence)
        => End(new ChannelCloseInfo(
            ChannelCloseStatus.TimedOut,
            IsRemote: false,
            $"The peer has not answered a ping, nor sent anything else, for {silence.TotalSeconds:0.#} seconds (KeepAliveTimeout)."));

    /// <inheritdoc/>
    protected override MessageKind ReadKind(IFrameDecoder decoder) => _decoder.Kind;

    /// <inheritdoc/>
    protected internal override void WriteFrame(in Message message, IBufferWriter<byte> output)
    {
        ArgumentNullException.ThrowIfNull(output);
        var payload = message.Payload;
        var length = (int)payload.Length;
        var compresses = length >= WebSocketDeflate.SmallestMessage && length <= _framing.LargestCompressed;
        if (compresses)
        {
            // Under the send lock, so there is one at a time.
            _compressed ??= new PooledBytes(Options.BufferPool);
            WebSocketDeflate.Compress(payload, _compressed);
            compresses = _compressed.Count < length;
            if (compresses)
            {
                payload = new ReadOnlySequence<byte>(_compressed.WrittenMemory);
                length = _compressed.Count;
            }
        }

        var opcode = message.Kind == MessageKind.Text ? WebSocketOpcode.Text : WebSocketOpcode.Binary;
        var key = _keys?.Next();
        var span = output.GetSpan(WebSocketFrameHeader.MaxSize + length);
        var header = WebSocketFrameHeader.Write(span, opcode, compresses, length, key);
        var body = span.Slice(header, length);
        payload.CopyTo(body);
        if (key is { } mask)
        {
            WebSocketMask.Apply(body, mask);
        }

        output.Advance(header + length);
        _compressed?.Clear();
    }

    /// <inheritdoc/>
    protected override void WriteEnd(ChannelCloseInfo info, IBufferWriter<byte> output)
    {
        ArgumentNullException.ThrowIfNull(info);
        Span<byte> payload = stackalloc byte[WebSocketFrameHeader.MaxControlPayload];
        var length = 0;

        // The answer repeats the peer's code (RFC 6455, section 5.5.1); a frame without one is answered likewise.
        if (_peerCloseCode != WebSocketCloseCode.NoStatus)
        {
            var code = _peerCloseCode != 0 ? _peerCloseCode
                : info.Error is InvalidPayloadException ? WebSocketCloseCode.InvalidPayload
                : WebSocketCloseCode.FromStatus(info.Status);
            BinaryPrimitives.WriteUInt16BigEndian(payload, (ushort)code);
            length = 2;
            if (_peerCloseCode == 0 && info.Description is { } description)
            {
                // Cut between characters.
                Encoding.UTF8.GetEncoder().Convert(description, payload[2..], flush: true, out _, out var written, out _);
                length += written;
            }
        }

        WriteControlFrame(WebSocketOpcode.Close, payload[..length], output);
    }

    /// <inheritdoc/>
    protected override bool EndsInOrder(ChannelCloseInfo info)
    {
        ArgumentNullException.ThrowIfNull(info);
        return !info.IsRemote && info.Status is ChannelCloseStatus.ProtocolError or ChannelCloseStatus.MessageTooLarge
            or ChannelCloseStatus.InternalError or ChannelCloseStatus.PolicyViolation;
    }

    /// <inheritdoc/>
    protected internal override bool OnDrained(ReadOnlySpan<byte> bytes)
    {
        // The server ends the connection once both have closed; the client waits for that (RFC 6455, section 7.1.1).
        if (_peerCloseCode == 0 && _skipper.FindsClose(bytes))
        {
            _peerCloseCode = WebSocketCloseCode.NoStatus;
        }

        return _framing.IsServer && _peerCloseCode != 0;
    }

    /// <inheritdoc/>
    protected internal override void OnInputEnd(int unfinished)
    {
        if (_peerCloseCode == 0 && !IsClosing)
        {
            if (unfinished > 0 || _decoder.IsInsideMessage)
            {
                throw new MessageFramingException("The connection ended inside a WebSocket message. The peer was cut off.");
            }

            throw new MessageChannelClosedException(new ChannelCloseInfo(
                ChannelCloseStatus.ConnectionLost,
                IsRemote: true,
                "The connection ended without a WebSocket close frame.",
                WebSocketCloseCode.Abnormal));
        }
    }

    /// <inheritdoc/>
    protected override void OnEnded()
    {
        _keepAlive?.Dispose();
        base.OnEnded();
    }

    /// <inheritdoc/>
    protected override void ReleaseReceiveCore()
    {
        _decoder.Release();
        base.ReleaseReceiveCore();
    }

    private void WriteControlFrame(WebSocketOpcode opcode, ReadOnlySpan<byte> payload, IBufferWriter<byte> output)
    {
        var key = _keys?.Next();
        var span = output.GetSpan(WebSocketFrameHeader.MaxSize + payload.Length);
        var header = WebSocketFrameHeader.Write(span, opcode, compressed: false, payload.Length, key);
        var body = span.Slice(header, payload.Length);
        payload.CopyTo(body);
        if (key is { } mask)
        {
            WebSocketMask.Apply(body, mask);
        }

        output.Advance(header + payload.Length);
    }
}
