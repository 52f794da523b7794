using System.IO.Pipelines;

namespace Transports.Tests.Serialization;

/// <summary>Two channels back to back, in memory.</summary>
internal sealed class DuplexPipe(PipeReader input, PipeWriter output) : IDuplexPipe
{
    public PipeReader Input => input;

    public PipeWriter Output => output;

    public static (FramedMessageChannel A, FramedMessageChannel B) CreateChannels(IMessageFraming? framing = null, MessageChannelOptions? options = null)
    {
        var there = new Pipe();
        var back = new Pipe();
        return (
            FramedMessageChannel.Create(new DuplexPipe(back.Reader, there.Writer), framing, options),
            FramedMessageChannel.Create(new DuplexPipe(there.Reader, back.Writer), framing, options));
    }
}
