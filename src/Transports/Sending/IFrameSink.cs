namespace Transports.Extensibility;

/// <summary>Where a <see cref="SendQueue"/> writes. Called by one write at a time.</summary>
public interface IFrameSink
{
    /// <summary>Something has arrived that no receive has returned yet: an answer to it may follow, so that a write can wait for more. A hint; may be asked by any thread.</summary>
    bool HasUnreadInput { get; }

    /// <summary>
    /// <see langword="true"/> where a frame must not be cut, as in a sink of packets: <see cref="WriteAsync"/> then gets whole buffers, of <see cref="MessageChannelOptions.SendBufferSize"/> bytes
    /// or of one message or batch that is larger. Otherwise a large buffer comes in pieces, so that progress shows.
    /// </summary>
    bool NeedsWholeFrames => false;

    /// <summary>Hands bytes on: whole frames; or, unless <see cref="NeedsWholeFrames"/>, a piece of them with the rest in the next call.</summary>
    /// <param name="frames">The bytes; not kept.</param>
    /// <returns>Completes when they have been handed on, towards the operating system.</returns>
    ValueTask WriteAsync(ReadOnlyMemory<byte> frames);

    /// <summary>A write has failed. Nothing will be written any more. Called once, without a lock.</summary>
    /// <param name="error">Why.</param>
    /// <returns>What senders and flushers are told.</returns>
    Exception OnWriteFailed(Exception error);
}
