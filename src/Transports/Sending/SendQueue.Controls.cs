using System.Diagnostics.CodeAnalysis;

namespace Transports.Extensibility;

/// <content>What the protocol itself has to say: a slot for the latest answer, and one for a question.</content>
public sealed partial class SendQueue
{
    private byte[]? _reply;
    private int _replyLength;
    private bool _replyDue;
    private bool _pingDue;

    /// <summary>Answers the peer before anything else that waits to be written. Only the latest answer counts: one that was not written is replaced.</summary>
    /// <param name="reply">What <see cref="CodecRead.Reply"/> told; copied.</param>
    public void PostReply(ReadOnlySpan<byte> reply)
    {
        bool run;
        lock (_gate)
        {
            if (_failure is not null || _closeWritten)
            {
                return;
            }

            if (_reply is null || _reply.Length < reply.Length)
            {
                _reply = new byte[Math.Max(reply.Length, 16)];
            }

            reply.CopyTo(_reply);
            _replyLength = reply.Length;
            _replyDue = true;
            run = Added();
        }

        if (run)
        {
            _consumer.Run();
        }
    }

    /// <summary>Asks the peer for a sign of life before anything else that waits to be written.</summary>
    /// <returns><see langword="false"/> when nothing is written any more.</returns>
    internal bool PostPing()
    {
        bool run;
        lock (_gate)
        {
            if (_failure is not null || _closeWritten)
            {
                return false;
            }

            _pingDue = true;
            run = Added();
        }

        if (run)
        {
            _consumer.Run();
        }

        return true;
    }

    /// <summary>Writes what the protocol has to say into a buffer of its own. Under the gate, at a frame's boundary.</summary>
    /// <param name="output">Where to; made where it is needed.</param>
    /// <param name="ping">Whether a ping is among it.</param>
    /// <returns><see langword="false"/> when there is nothing.</returns>
    internal bool TryTakeControls([NotNullWhen(true)] ref OutputBuffer? output, out bool ping)
    {
        AssertGate();
        ping = false;
        if (!_replyDue && !_pingDue)
        {
            return false;
        }

        output ??= new OutputBuffer(_pool);
        if (_closeWritten)
        {
            // Nothing follows a close.
            _replyDue = _pingDue = false;
            return false;
        }

        if (_replyDue)
        {
            _codec.WriteReply(_reply.AsSpan(0, _replyLength), output);
            _replyDue = false;
        }

        if (_pingDue)
        {
            ping = _codec.TryWritePing(output);
            _pingDue = false;
        }

        return output.Length > 0;
    }
}
