namespace Transports.Engine;

/// <summary>Waits to send a message or a batch.</summary>
internal sealed class MessageSendWaiter : SendWaiter
{
    private Message _message;
    private ReadOnlyMemory<Message> _batch;
    private bool _isBatch;
    private long _size;

    public override long Size => _size;

    public void Set(in Message message, long size)
    {
        _message = message;
        _isBatch = false;
        _size = size;
    }

    public void Set(ReadOnlyMemory<Message> batch, long size)
    {
        _batch = batch;
        _isBatch = true;
        _size = size;
    }

    public override void WriteTo(SendQueue queue)
    {
        if (_isBatch)
        {
            queue.WriteFrames(_batch.Span);
        }
        else
        {
            queue.WriteFrame(_message);
        }
    }

    protected override void Recycle()
    {
        _message = default;
        _batch = default;
        Queue.Recycle(this);
    }
}
