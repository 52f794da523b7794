using Xunit.Sdk;

namespace Transports.Testing.Tests;

public sealed class LeakTrackingArrayPoolTests
{
    private readonly LeakTrackingArrayPool _pool = new();

    [Fact]
    public async Task AssertNoLeaks_AllReturned_Passes()
    {
        var array = _pool.Rent(1000);
        array.Length.Should().BeGreaterThanOrEqualTo(1000);
        _pool.OutstandingBytes.Should().Be(array.Length);
        _pool.Return(array);
        await _pool.AssertNoLeaksAsync();
        _pool.OutstandingBytes.Should().Be(0);
        _pool.PeakOutstandingBytes.Should().Be(array.Length);
    }

    [Fact]
    public async Task AssertNoLeaks_ReturnedLater_Waits()
    {
        var array = _pool.Rent(10);
        var asserting = _pool.AssertNoLeaksAsync();
        asserting.IsCompleted.Should().BeFalse();
        _pool.Return(array);
        await asserting;
    }

    [Fact]
    public async Task AssertNoLeaks_OneNeverReturned_Fails()
    {
        _pool.Rent(10);
        var asserting = () => _pool.AssertNoLeaksAsync(TimeSpan.Zero);
        (await asserting.Should().ThrowAsync<FailException>()).WithMessage("*never returned*");
    }

    [Fact]
    public void Return_Twice_IsFound()
    {
        var array = _pool.Rent(10);
        _pool.Return(array);
        _pool.Return(array);
        _pool.FindErrors().Should().ContainSingle().Which.Should().Contain("returned twice");
    }

    [Fact]
    public void Return_OfAnothersArray_IsFound()
    {
        _pool.Return(new byte[16]);
        _pool.FindErrors().Should().ContainSingle().Which.Should().Contain("not rented here");
    }

    [Fact]
    public void Return_ThenRead_ShowsTheFillAndIsNeverLentAgain()
    {
        var array = _pool.Rent(16);
        array[0] = 1;
        _pool.Return(array);
        array.Should().OnlyContain(b => b == LeakTrackingArrayPool.Fill);
        var next = _pool.Rent(16);
        next.Should().NotBeSameAs(array);
        _pool.Return(next);
    }

    [Fact]
    public void Return_ThenWrite_IsFound()
    {
        var array = _pool.Rent(16);
        _pool.Return(array);
        array[5] = 1;
        _pool.FindErrors().Should().ContainSingle().Which.Should().Contain("written to after its return, at offset 5");
    }

    [Fact]
    public async Task Abandon_OfALentArray_IsNoLeakAndKeepsItsBytes()
    {
        var array = _pool.Rent(16);
        array.AsSpan().Fill(7);
        ((IBufferPoolObserver)_pool).Abandon(array);
        await _pool.AssertNoLeaksAsync(TimeSpan.Zero);
        array.Should().OnlyContain(b => b == 7);
        _pool.Abandoned.Should().Be(1);
        _pool.Outstanding.Should().Be(0);
        _pool.OutstandingBytes.Should().Be(0);
    }

    [Fact]
    public void Abandon_ThenReturn_IsFoundAndKeepsItsBytes()
    {
        var array = _pool.Rent(16);
        array.AsSpan().Fill(7);
        _pool.Abandon(array);
        _pool.Return(array);
        _pool.FindErrors().Should().ContainSingle().Which.Should().Contain("returned after it was abandoned");
        array.Should().OnlyContain(b => b == 7);
    }

    [Fact]
    public void Abandon_Twice_IsFound()
    {
        var array = _pool.Rent(16);
        _pool.Abandon(array);
        _pool.Abandon(array);
        _pool.FindErrors().Should().ContainSingle().Which.Should().Contain("abandoned after it was abandoned");
        _pool.Abandoned.Should().Be(1);
    }

    [Fact]
    public void Abandon_AfterReturn_IsFound()
    {
        var array = _pool.Rent(16);
        _pool.Return(array);
        _pool.Abandon(array);
        _pool.FindErrors().Should().ContainSingle().Which.Should().Contain("abandoned after its return");
    }

    [Fact]
    public void Abandon_OfAnothersArray_IsFound()
    {
        _pool.Abandon(new byte[16]);
        _pool.FindErrors().Should().ContainSingle().Which.Should().Contain("abandoned but not rented here");
    }
}
