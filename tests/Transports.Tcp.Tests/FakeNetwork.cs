using System.Net;
using System.Net.Sockets;
using System.Threading.Channels;

namespace Transports.Tcp.Tests;

/// <summary>A network whose names and connections a test decides about.</summary>
internal sealed class FakeNetwork : INetwork
{
    private readonly Channel<Attempt> _attempts = Channel.CreateUnbounded<Attempt>();

    public Dictionary<string, IPAddress[]> Names { get; } = [];

    public bool HasMore => _attempts.Reader.Count > 0;

    public async Task<Attempt> NextAsync() => await _attempts.Reader.ReadAsync(Net.Token);

    public Task<IPAddress[]> ResolveAsync(string host, CancellationToken cancellationToken)
        => Names.TryGetValue(host, out var found) ? Task.FromResult(found) : throw new SocketException((int)SocketError.HostNotFound);

    public async Task<Socket> ConnectAsync(EndPoint endPoint, CancellationToken cancellationToken)
    {
        var attempt = new Attempt(((IPEndPoint)endPoint).Address, cancellationToken);
        _attempts.Writer.TryWrite(attempt);
        return await attempt.Result;
    }

    internal sealed class Attempt(IPAddress address, CancellationToken cancelled)
    {
        private readonly TaskCompletionSource<Socket> _result = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public IPAddress Address { get; } = address;

        public CancellationToken Cancelled { get; } = cancelled;

        public Task<Socket> Result => _result.Task;

        public void Succeed(Socket socket) => _result.SetResult(socket);

        public void Fail(SocketError error) => _result.SetException(new SocketException((int)error));
    }
}
