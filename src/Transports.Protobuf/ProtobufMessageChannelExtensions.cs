using Google.Protobuf;

namespace Transports;

/// <summary>Typed Protobuf channels over any <see cref="IMessageChannel"/>.</summary>
public static class ProtobufMessageChannelExtensions
{
    /// <summary>A typed channel over Protobuf; see <see cref="ProtobufMessageSerializer{T}"/>.</summary>
    /// <typeparam name="TSend">The generated type of what is sent.</typeparam>
    /// <typeparam name="TReceive">The generated type of what is received.</typeparam>
    /// <param name="channel">The channel; the typed one owns it from here on.</param>
    /// <returns>The typed channel.</returns>
    public static IMessageChannel<TSend, TReceive> WithProtobuf<TSend, TReceive>(this IMessageChannel channel)
        where TSend : IMessage<TSend>, new()
        where TReceive : IMessage<TReceive>, new()
        => channel.WithSerializer(ProtobufMessageSerializer<TSend>.Default, ProtobufMessageSerializer<TReceive>.Default);

    /// <summary>A typed channel over Protobuf that sends and receives one type.</summary>
    /// <typeparam name="T">The generated type both ways.</typeparam>
    /// <param name="channel">The channel; the typed one owns it from here on.</param>
    /// <returns>The typed channel.</returns>
    public static IMessageChannel<T, T> WithProtobuf<T>(this IMessageChannel channel)
        where T : IMessage<T>, new()
        => channel.WithProtobuf<T, T>();
}
