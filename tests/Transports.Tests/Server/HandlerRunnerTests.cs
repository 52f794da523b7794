namespace Transports.Tests.Server;

public sealed class HandlerRunnerTests : IAsyncLifetime
{
    private const int Failed = 1104;
    private const int EndedWithChannel = 1106;

    private readonly ListLogger _logger = new();
    private readonly CancellationTokenSource _stopping = new();
    private MemoryPair _pair = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _pair = await MemoryPair.OpenAsync();

    public async ValueTask DisposeAsync()
    {
        await _pair.DisposeAsync();
        _stopping.Dispose();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task RunAsync_HandlerReturns_ClosesAsNormalAlsoWhileStopping(bool stopping)
    {
        await RunAsync(async (channel, _) =>
        {
            if (stopping)
            {
                await _stopping.CancelAsync();
            }

            await channel.SendAsync("answer"u8.ToArray(), CancellationToken.None);
        });

        (await _pair.Client.ReceiveAsync(Token))!.Value.GetText().Should().Be("answer");
        (await _pair.Client.Closed.WaitAsync(Token)).Status.Should().Be(ChannelCloseStatus.Normal);
    }

    [Fact]
    public async Task RunAsync_HandlerIsCancelledByTheStop_ClosesAsGoingAway()
    {
        await RunAsync(async (_, stoppingToken) =>
        {
            await _stopping.CancelAsync();
            stoppingToken.ThrowIfCancellationRequested();
        });

        (await _pair.Client.Closed.WaitAsync(Token)).Status.Should().Be(ChannelCloseStatus.GoingAway);
        _logger.Lines.Should().NotContain(line => line.Id == Failed);
    }

    [Fact]
    public async Task RunAsync_HandlerIsCancelledBySomethingElse_IsAFailure()
    {
        await RunAsync((_, _) => throw new OperationCanceledException());

        (await _pair.Client.Closed.WaitAsync(Token)).Status.Should().Be(ChannelCloseStatus.InternalError);
        _logger.Lines.Should().ContainSingle(line => line.Id == Failed);
    }

    [Fact]
    public async Task RunAsync_ExceptionComesBeforeClosed_IsThePeersLeaving()
    {
        var lost = new ChannelCloseInfo(ChannelCloseStatus.ConnectionLost, IsRemote: true);
        var closed = new TaskCompletionSource<ChannelCloseInfo>();
        var running = RunAsync((_, _) => throw new MessageChannelClosedException(lost), new LateClosedChannel(_pair.Server, closed.Task));

        closed.SetResult(lost);
        await running;

        _logger.Lines.Should().ContainSingle(line => line.Id == EndedWithChannel);
        _logger.Lines.Should().NotContain(line => line.Id == Failed);
    }

    [Fact]
    public async Task RunAsync_AnotherChannelEnded_IsAFailure()
    {
        await using var upstream = await MemoryPair.OpenAsync();
        upstream.Client.Abort();

        await RunAsync(async (_, stoppingToken) => await upstream.Server.ReceiveAsync(stoppingToken));

        (await _pair.Client.Closed.WaitAsync(Token)).Status.Should().Be(ChannelCloseStatus.InternalError);
        _logger.Lines.Should().ContainSingle(line => line.Id == Failed);
    }

    [Fact]
    public async Task CloseOverrunAsync_HandlerWaits_EndsItAndIsNoFailure()
    {
        var runner = new HandlerRunner(async (channel, _) => await channel.ReceiveAsync(CancellationToken.None), _logger);
        var running = runner.RunAsync(_pair.Server, _stopping.Token);

        await runner.CloseOverrunAsync(_pair.Server);
        await running.WaitAsync(Token);

        (await _pair.Client.Closed.WaitAsync(Token)).Status.Should().Be(ChannelCloseStatus.GoingAway);
        _logger.Lines.Should().NotContain(line => line.Id == Failed);
    }

    private Task RunAsync(MessageChannelHandler handler, IMessageChannel? channel = null)
        => new HandlerRunner(handler, _logger).RunAsync(channel ?? _pair.Server, _stopping.Token);
}
