using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using static Transports.Tcp.Tests.Net;

namespace Transports.Tcp.Tests;

/// <summary>What others give us and fails: nothing stays open, and the listener goes on.</summary>
public sealed class FailureTests
{
    [Fact]
    public async Task Connect_FramingThrows_SocketIsClosed()
    {
        using var listening = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listening.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listening.Listen();
        var transport = new TcpTransport(Options(options => options.Framing = new ThrowingFraming()));
        var connecting = transport.ConnectAsync(new Uri($"tcp://{listening.LocalEndPoint}"), Token).AsTask();
        using var accepted = await listening.AcceptAsync(Token);
        await connecting.Invoking(task => task).Should().ThrowAsync<NotImplementedException>();
        await ReadToEndAsync(accepted);
    }

    [Fact]
    public async Task Accept_LoggerThrows_PlaceComesFree()
    {
        var transport = new TcpTransport(Options(options => options.AcceptBacklog = 1), new ThrowingLoggerFactory());
        await using var listener = await transport.ListenAsync(ListenAddress("tls"), Token);
        using (var noTls = await ConnectRawAsync(listener.LocalAddress))
        {
            await noTls.SendAsync("GET / HTTP/1.1\r\n\r\n"u8.ToArray(), Token);
            await ReadToEndAsync(noTls);
        }

        await using var client = await new TcpTransport(Options()).ConnectAsync(listener.LocalAddress, Token);
        await using var server = (await listener.AcceptAsync(Token))!;
    }

    private sealed class ThrowingFraming : IMessageFraming
    {
        public string Name => "throwing";

        public IFrameDecoder CreateDecoder(int maxMessageSize) => throw new NotImplementedException();

        public void WriteFrame(in System.Buffers.ReadOnlySequence<byte> payload, System.Buffers.IBufferWriter<byte> output) => throw new NotImplementedException();
    }

    /// <summary>Logs nothing, and throws where a handshake failed.</summary>
    private sealed class ThrowingLoggerFactory : ILoggerFactory, ILogger
    {
        public ILogger CreateLogger(string categoryName) => this;

        public void AddProvider(ILoggerProvider provider)
        {
        }

        public void Dispose()
        {
        }

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull
            => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (eventId.Id is >= 2010 and <= 2013)
            {
                throw new InvalidOperationException("The log is full.");
            }
        }
    }
}
