using System.Buffers;
using System.Runtime.CompilerServices;

namespace Transports.Engine;

/// <summary>Sends a value on any channel: straight into the output buffer of one that can, through a pooled buffer otherwise.</summary>
internal static class TypedSend
{
    // The buffer's object; its memory goes back to the pool after each send.
    [ThreadStatic]
    private static OutputBuffer? t_spare;

    public static ValueTask SendAsync<T>(IMessageChannel channel, T value, IMessageSerializer<T> serializer, CancellationToken cancellationToken)
    {
        // The channel itself, not GetFeature: a decorator in between must see every message.
        if (channel is IInPlaceSerializer direct)
        {
            return direct.SendAsync(value, serializer, cancellationToken);
        }

        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled(cancellationToken);
        }

        var buffer = t_spare ?? new OutputBuffer(ArrayPool<byte>.Shared);
        t_spare = null;
        ValueTask sending;
        try
        {
            serializer.Serialize(value, buffer);
            sending = channel.SendAsync(new Message(buffer.WrittenMemory, serializer.Kind), cancellationToken);
        }
        catch (Exception e)
        {
            Return(buffer);
            return ValueTask.FromException(e);
        }

        if (!sending.IsCompletedSuccessfully)
        {
            return ReturnLaterAsync(sending, buffer);
        }

        // Read, so that a pooled source behind it is given back.
        sending.GetAwaiter().GetResult();
        Return(buffer);
        return ValueTask.CompletedTask;
    }

    public static bool TrySend<T>(IMessageChannel channel, T value, IMessageSerializer<T> serializer)
    {
        if (channel is IInPlaceSerializer direct)
        {
            return direct.TrySend(value, serializer);
        }

        var buffer = t_spare ?? new OutputBuffer(ArrayPool<byte>.Shared);
        t_spare = null;
        try
        {
            serializer.Serialize(value, buffer);
            return channel.TrySend(new Message(buffer.WrittenMemory, serializer.Kind));
        }
        finally
        {
            Return(buffer);
        }
    }

    // The memory is the channel's until the send has completed, well or not.
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private static async ValueTask ReturnLaterAsync(ValueTask sending, OutputBuffer buffer)
    {
        try
        {
            await sending.ConfigureAwait(false);
        }
        finally
        {
            Return(buffer);
        }
    }

    private static void Return(OutputBuffer buffer)
    {
        buffer.Release();
        t_spare = buffer;
    }
}
