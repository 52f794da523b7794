namespace Transports.Tests.Net;

public sealed class ConnectDeadlineTests
{
    private readonly ManualTimeProvider _clock = new();

    [Fact]
    public void Token_TimeIsOver_IsTheTimeoutNotTheCaller()
    {
        using var deadline = new ConnectDeadline(TimeSpan.FromSeconds(1), _clock, CancellationToken.None);
        _clock.Advance(TimeSpan.FromSeconds(1));

        deadline.Token.IsCancellationRequested.Should().BeTrue();
        deadline.HasElapsed.Should().BeTrue();
        deadline.Invoking(d => d.ThrowIfCallerCancelled()).Should().NotThrow();
    }

    [Fact]
    public void Token_CallerGivesUp_IsTheCallerNotTheTimeout()
    {
        using var caller = new CancellationTokenSource();
        using var deadline = new ConnectDeadline(TimeSpan.FromSeconds(1), _clock, caller.Token);
        caller.Cancel();
        _clock.Advance(TimeSpan.FromSeconds(1));

        deadline.Token.IsCancellationRequested.Should().BeTrue();
        deadline.HasElapsed.Should().BeFalse();
        deadline.Invoking(d => d.ThrowIfCallerCancelled()).Should().Throw<OperationCanceledException>().Which.CancellationToken.Should().Be(caller.Token);
    }
}
