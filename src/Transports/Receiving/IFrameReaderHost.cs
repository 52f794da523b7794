namespace Transports.Engine;

/// <summary>What a <see cref="FrameReader"/> tells its channel. Called by whoever is inside the receive gate; nothing here runs users' code.</summary>
internal interface IFrameReaderHost
{
    /// <summary>A message that was handed out may be looked at, or others are at hand behind it: the buffer they lie in stays as it is.</summary>
    bool IsBufferInUse { get; }

    /// <summary>This side's sending is over, so that an end of the peer's is the channel's.</summary>
    bool IsOutputOver { get; }

    /// <summary>The peer asks for an answer of the protocol's own.</summary>
    void OnReply(ReadOnlySpan<byte> reply);

    /// <summary>The peer has closed by the protocol; what stands before that may not have been received yet.</summary>
    void OnPeerClosed(ChannelCloseInfo info);

    /// <summary>The peer's bytes have ended.</summary>
    /// <param name="info">What that means for the channel; <see langword="null"/>: the peer has finished sending.</param>
    /// <param name="allReceived">Nothing is left to be received before it.</param>
    void OnInputEnded(ChannelCloseInfo? info, bool allReceived);

    /// <summary>Reading has failed.</summary>
    void OnInputFailed(Exception error);

    /// <summary>As much as may be has arrived and was not received: nothing more is read, and what consumes nothing has to tell whether the connection lives.</summary>
    /// <param name="stillSince">Since when nobody has received, as <see cref="ChannelClock"/> has it.</param>
    void OnBoundReached(long stillSince);

    /// <summary>Nothing more will be read from the connection for this channel.</summary>
    void OnReadingOver();
}
