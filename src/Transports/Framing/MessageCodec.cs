namespace Transports.Extensibility;

/// <summary>
/// What a frame is, for one channel: writes messages as bytes and reads bytes as messages. One object a channel, which may keep
/// state, <b>returns</b> what it found and never calls up; so a protocol is tested as bytes in and results out.
/// </summary>
/// <remarks>
/// <para><b>Who calls.</b> The writing members are called under the channel's send gate, one at a time. <see cref="Read"/>, <see cref="EndOfStream"/> and
/// <see cref="ResetInput"/> are called by the single receiver. <see cref="BeginScan"/> and <see cref="Scan"/> are called by one thread at a time, which may run beside the receiver's
/// <see cref="Read"/>, so they keep a state of their own.</para>
/// <para><b>Faults.</b> <see cref="Read"/> throws <see cref="MessageFramingException"/> for bytes that are not the protocol's and <see cref="MessageTooLargeException"/> for a message over the limit,
/// as soon as its length is known; but never in a call that has found messages: those are returned first.</para>
/// <para>Memory that a received message lies in stays as it is until the next <see cref="Read"/>.</para>
/// </remarks>
public abstract class MessageCodec
{
    /// <summary>The longest header in bytes of a frame that is a header made from length and kind, and then the payload as it is; values are then serialized in place. 0 where the codec must see the payload whole.</summary>
    /// <remarks>Read once, when the channel is made.</remarks>
    public virtual int MaxHeaderSize => 0;

    /// <summary><see langword="true"/> when a frame says what its message is: the kind arrives as it was sent.</summary>
    public virtual bool PreservesMessageKind => false;

    /// <summary>How long a peer may be silent until it is asked for a sign of life with <see cref="TryWritePing"/>; <see cref="Timeout.InfiniteTimeSpan"/> is never.</summary>
    public virtual TimeSpan KeepAliveInterval => Timeout.InfiniteTimeSpan;

    /// <summary>How long the peer may take to answer, counted from when the ping has left; then the channel ends as <see cref="ChannelCloseStatus.TimedOut"/>.</summary>
    public virtual TimeSpan KeepAliveTimeout => Timeout.InfiniteTimeSpan;

    /// <summary>After both sides have closed by the protocol, this side ends the connection; <see langword="false"/>: it waits until the peer does.</summary>
    public virtual bool EndsConnection => false;

    /// <summary>What an end of the stream means that no closing frame came before: <see langword="null"/>, the peer has finished sending and may still read. Otherwise the channel has ended that way.</summary>
    /// <remarks>For an end that is seen while nobody receives; a receive asks <see cref="EndOfStream"/>.</remarks>
    public virtual ChannelCloseInfo? EndWithoutClose => null;

    /// <summary>Tells the codec its channel, once, before anything is read or written. For features that act.</summary>
    /// <param name="host">The channel.</param>
    public virtual void Attach(ICodecHost host)
    {
    }

    /// <summary>Writes one message.</summary>
    /// <param name="message">The message; at most as long as the channel's limit.</param>
    /// <param name="output">Where to. What was written is taken back when this throws.</param>
    /// <exception cref="MessageFramingException">The protocol cannot carry this payload.</exception>
    public abstract void Write(in Message message, OutputBuffer output);

    /// <summary>Writes several messages, one after another.</summary>
    /// <param name="batch">The messages.</param>
    /// <param name="output">Where to. All that was written is taken back when this throws.</param>
    /// <exception cref="MessageFramingException">The protocol cannot carry one of the payloads.</exception>
    public virtual void Write(ReadOnlySpan<Message> batch, OutputBuffer output)
    {
        foreach (ref readonly var message in batch)
        {
            Write(message, output);
        }
    }

    /// <summary>Writes the header of a payload that was serialized in place. Only where <see cref="MaxHeaderSize"/> is over 0.</summary>
    /// <param name="payload">The payload, which may be changed in place, as a mask does.</param>
    /// <param name="kind">Its kind.</param>
    /// <param name="header">Where to; <see cref="MaxHeaderSize"/> bytes.</param>
    /// <returns>How many bytes were written.</returns>
    /// <exception cref="MessageFramingException">The protocol cannot carry this payload.</exception>
    public virtual int WriteHeader(Span<byte> payload, MessageKind kind, Span<byte> header) => throw new NotSupportedException();

    /// <summary>Writes a question for a sign of life.</summary>
    /// <param name="output">Where to.</param>
    /// <returns><see langword="false"/> when the protocol has none.</returns>
    public virtual bool TryWritePing(OutputBuffer output) => false;

    /// <summary>Writes the answer to what <see cref="ReadStatus.Reply"/> told.</summary>
    /// <param name="reply">The bytes that came with it.</param>
    /// <param name="output">Where to.</param>
    public virtual void WriteReply(ReadOnlySpan<byte> reply, OutputBuffer output)
    {
    }

    /// <summary>Writes the protocol's goodbye, behind all that was accepted. Called once at most.</summary>
    /// <param name="info">How the channel ends.</param>
    /// <param name="peerClose">How the peer has closed, where it came first, so that this is the answer.</param>
    /// <param name="output">Where to.</param>
    /// <returns><see langword="false"/> when the protocol has none: the end is the connection's.</returns>
    public virtual bool TryWriteClose(ChannelCloseInfo info, ChannelCloseInfo? peerClose, OutputBuffer output) => false;

    /// <summary>Whether an end that this side decided on while reading, such as a protocol error, can be told to the peer by <see cref="TryWriteClose"/>. Otherwise the connection breaks off.</summary>
    /// <param name="info">How the channel ends.</param>
    public virtual bool CanTellEnd(ChannelCloseInfo info) => false;

    /// <summary>Reads what has arrived: as many messages as the table takes, or one thing of the protocol's own.</summary>
    /// <param name="input">All bytes received and not yet consumed. May be changed in place, where a message is unmasked; what was not consumed comes again unchanged by anybody else.</param>
    /// <param name="read">Cleared; takes what was found. A thing of the protocol's own is found only while the table is empty.</param>
    /// <returns>What was found.</returns>
    /// <exception cref="MessageFramingException">The bytes are not the protocol's.</exception>
    /// <exception cref="MessageTooLargeException">A message declares, or has reached, more than the limit.</exception>
    public abstract ReadStatus Read(Memory<byte> input, ref CodecRead read);

    /// <summary>Forgets what <see cref="Scan"/> has seen: the next one begins where <see cref="Read"/> will.</summary>
    public virtual void BeginScan()
    {
    }

    /// <summary>Looks for what the protocol itself says, in bytes that nobody receives: steps over messages and judges neither their size nor their content. Finds replies and closes.</summary>
    /// <param name="input">The next bytes, in order; none is seen twice.</param>
    /// <param name="read">Cleared; takes what was found, and in <see cref="CodecRead.Consumed"/> how far.</param>
    /// <returns><see cref="ReadStatus.NeedMore"/> when all was consumed, <see cref="ReadStatus.Reply"/> or <see cref="ReadStatus.Closed"/>; must not throw.</returns>
    public virtual ReadStatus Scan(ReadOnlySpan<byte> input, ref CodecRead read)
    {
        read.Consumed = input.Length;
        return ReadStatus.NeedMore;
    }

    /// <summary>The stream has ended behind the last message.</summary>
    /// <param name="unread">How many bytes are left that are no whole frame.</param>
    /// <returns><see langword="null"/> when the peer has finished sending; otherwise how the channel has ended.</returns>
    /// <exception cref="MessageFramingException">The stream was cut inside a frame.</exception>
    public virtual ChannelCloseInfo? EndOfStream(int unread)
        => unread == 0
            ? null
            : throw new MessageFramingException(
                $"The stream ended inside a frame: {unread} bytes of an unfinished message are left. The peer was cut off, or uses another framing.");

    /// <summary>The connection begins a new stream (see <see cref="ByteConnection.NewStream"/>): what is unfinished of the old one is dropped.</summary>
    public virtual void ResetInput()
    {
    }

    /// <summary>A feature of the codec's.</summary>
    /// <typeparam name="TFeature">An interface.</typeparam>
    /// <returns>The feature, or <see langword="null"/>.</returns>
    public virtual TFeature? GetFeature<TFeature>()
        where TFeature : class
        => this as TFeature;

    /// <summary>Gives memory back, after the last call of everything else.</summary>
    /// <param name="abandon">A message in it may still be looked at: leave it to the collector (see <see cref="IBufferPoolObserver"/>).</param>
    public virtual void Release(bool abandon)
    {
    }
}
