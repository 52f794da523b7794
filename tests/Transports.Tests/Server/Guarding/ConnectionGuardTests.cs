using System.Diagnostics.Metrics;
using System.Net;

namespace Transports.Tests.Server;

public sealed class ConnectionGuardTests
{
    private static readonly IPAddress One = IPAddress.Parse("192.0.2.1");
    private static readonly IPAddress Other = IPAddress.Parse("192.0.2.2");

    private readonly ManualTimeProvider _time = new();
    private readonly ListLogger _logger = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public void TryEnter_AtMaxChannels_IsRefusedUntilOneLeaves()
    {
        var guard = Create(new() { MaxChannels = 2 });
        var first = Enter(guard, One);
        Enter(guard, null);

        Refuse(guard, Other).Reason.Should().Be(ConnectionRefusalReason.Full);
        first.Dispose();

        Enter(guard, Other);
        guard.ChannelCount.Should().Be(2);
        guard.RefusedCount.Should().Be(1);
    }

    [Fact]
    public void TryEnter_AtMaxChannelsPerAddress_RefusesThatAddressAlone()
    {
        var guard = Create(new() { MaxChannelsPerAddress = 2 });
        var first = Enter(guard, One);
        Enter(guard, One);

        var refusal = Refuse(guard, One);
        refusal.Reason.Should().Be(ConnectionRefusalReason.AddressFull);
        refusal.IsPeersOwn.Should().BeTrue();
        Enter(guard, Other);
        Enter(guard, null);
        Enter(guard, null);
        Enter(guard, null);
        first.Dispose();

        Enter(guard, One);
    }

    [Theory]
    [InlineData("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", true)]
    [InlineData("2001:db8:1:2::1", "2001:db8:1:3::1", false)]
    [InlineData("::ffff:192.0.2.1", "192.0.2.1", true)]
    [InlineData("fe80::1", "fe80::2", false)]
    [InlineData("192.0.2.1", "192.0.2.2", false)]
    public void TryEnter_TwoAddresses_AreOnePeerWhereOneClientHasBoth(string first, string second, bool samePeer)
    {
        var guard = Create(new() { MaxChannelsPerAddress = 1 });
        Enter(guard, IPAddress.Parse(first));

        guard.TryEnter(IPAddress.Parse(second), null, out _, out _).Should().Be(!samePeer);
    }

    [Fact]
    public void TryEnter_AtMaxChannelsPerPrincipal_RefusesItFromAnyAddress()
    {
        var guard = Create(new() { MaxChannelsPerPrincipal = 1 });
        guard.TryEnter(One, "ann", out var lease, out _).Should().BeTrue();

        guard.TryEnter(Other, "ann", out _, out var refusal).Should().BeFalse();
        refusal!.Reason.Should().Be(ConnectionRefusalReason.PrincipalFull);
        guard.TryEnter(Other, "bob", out _, out _).Should().BeTrue();
        lease!.Dispose();

        guard.TryEnter(Other, "ann", out _, out _).Should().BeTrue();
    }

    [Fact]
    public void TryEnter_BurstUsedUp_GoesOnAtTheRate()
    {
        var guard = Create(new() { MaxAcceptsPerSecond = 2, AcceptBurst = 3 });
        for (var i = 0; i < 3; i++)
        {
            Enter(guard, null).Dispose();
        }

        Refuse(guard, null).Reason.Should().Be(ConnectionRefusalReason.AcceptRate);
        _time.Advance(TimeSpan.FromSeconds(0.5));
        Enter(guard, null).Dispose();
        Refuse(guard, null);

        // Never more than the burst, however long nobody came.
        _time.Advance(TimeSpan.FromDays(1));
        for (var i = 0; i < 3; i++)
        {
            Enter(guard, null).Dispose();
        }

        Refuse(guard, null);
    }

    [Fact]
    public void TryEnter_OneAddressComesTooFast_TakesNothingFromTheOthers()
    {
        var guard = Create(new() { MaxAcceptsPerSecondPerAddress = 1, AcceptBurstPerAddress = 1, MaxAcceptsPerSecond = 1, AcceptBurst = 2 });
        Enter(guard, One).Dispose();
        for (var i = 0; i < 10; i++)
        {
            Refuse(guard, One).Reason.Should().Be(ConnectionRefusalReason.AddressAcceptRate);
        }

        Enter(guard, Other);
    }

    [Fact]
    public void TryEnter_AddressComesBackAfterItsEntryWasDropped_HasNotGainedABurst()
    {
        var guard = Create(new() { MaxAcceptsPerSecondPerAddress = 1, AcceptBurstPerAddress = 5 });
        for (var i = 0; i < 5; i++)
        {
            Enter(guard, One).Dispose();
        }

        // Ticks pass that drop addresses without channels whose bucket is full; this one's is not.
        _time.Advance(TimeSpan.FromSeconds(3));

        for (var i = 0; i < 3; i++)
        {
            Enter(guard, One).Dispose();
        }

        Refuse(guard, One).Reason.Should().Be(ConnectionRefusalReason.AddressAcceptRate);
    }

    [Fact]
    public void TryEnter_RateRefusal_SaysWhenToComeBack()
    {
        var guard = Create(new() { MaxAcceptsPerSecondPerAddress = 1, AcceptBurstPerAddress = 1 });
        Enter(guard, One);

        Refuse(guard, One).RetryAfter.Should().Be(TimeSpan.FromSeconds(1));
    }

    [Fact]
    public void TryEnter_BuffersHoldTooMuch_RefusesUntilTheyAreGivenBack()
    {
        var counted = 0L;
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, meters) =>
        {
            if (instrument.Meter.Name == TransportsInstrumentation.MeterName && instrument.Name == "transports.channels.refused")
            {
                meters.EnableMeasurementEvents(instrument);
            }
        };
        listener.SetMeasurementEventCallback<long>((_, value, tags, _) => Interlocked.Add(ref counted, tags[0].Value is nameof(ConnectionRefusalReason.Memory) ? value : 0));
        listener.Start();
        var pool = new MeteredBufferPool();
        var guard = new ConnectionGuard(new() { MaxBufferedBytes = 1024 * 1024 }, pool, _logger, _time);
        var array = pool.Rent(1024 * 1024);

        Refuse(guard, One).Reason.Should().Be(ConnectionRefusalReason.Memory);
        pool.Return(array);

        Enter(guard, One);
        counted.Should().Be(1);
    }

    [Fact]
    public void MeteredBufferPool_RentReturnAbandon_CountsWhatIsOut()
    {
        var pool = new MeteredBufferPool();
        var first = pool.Rent(100);
        var second = pool.Rent(1000);
        pool.RentedBytes.Should().Be(first.Length + second.Length);

        pool.Return(first);
        pool.RentedBytes.Should().Be(second.Length);
        pool.Abandon(second);

        pool.RentedBytes.Should().Be(0);
    }

    [Fact]
    public void Refusals_Flood_IsOneLineASecondThatTellsHowMany()
    {
        var guard = Create(new() { MaxChannels = 1 });
        Enter(guard, One);
        for (var i = 0; i < 1000; i++)
        {
            Refuse(guard, Other);
        }

        _logger.Lines.Count(line => line.Id == 1112).Should().Be(1);
        _time.Advance(TimeSpan.FromSeconds(1));

        _logger.Lines.Where(line => line.Id == 1112).Select(line => line.Text).Should()
            .SatisfyRespectively(first => first.Should().Contain("Refused 1 "), rest => rest.Should().Contain("Refused 999 ").And.Contain("192.0.2.2"));
    }

    [Fact]
    public void Lease_DisposedTwice_GivesOnePlaceBack()
    {
        var guard = Create(new());
        Enter(guard, One);
        var lease = Enter(guard, One);

        lease.Dispose();
        lease.Dispose();

        guard.ChannelCount.Should().Be(1);
    }

    [Fact]
    public async Task Lease_Attached_HoldsThePlaceUntilTheChannelIsDisposed()
    {
        var guard = Create(new());
        await using var pair = await MemoryPair.OpenAsync();
        var lease = Enter(guard, One);
        var channel = lease.Attach(pair.Server);

        lease.Dispose();
        guard.ChannelCount.Should().Be(1);
        lease.Invoking(l => l.Attach(pair.Client)).Should().Throw<InvalidOperationException>();
        await channel.DisposeAsync();
        await channel.DisposeAsync();

        guard.ChannelCount.Should().Be(0);
        (await pair.Client.Closed.WaitAsync(Token)).Status.Should().Be(ChannelCloseStatus.Normal);
    }

    [Fact]
    public async Task TryGuard_GuardedChannel_KeepsItsPlace()
    {
        var guard = Create(new());
        await using var pair = await MemoryPair.OpenAsync();
        guard.TryGuard(pair.Server, out var guarded, out _).Should().BeTrue();

        guard.TryGuard(guarded!, out var again, out _).Should().BeTrue();

        again.Should().BeSameAs(guarded);
        guard.ChannelCount.Should().Be(1);
    }

    [Fact]
    public void Guard_NothingLeftToWatch_StopsItsTimer()
    {
        var guard = Create(new());
        Enter(guard, One).Dispose();
        _time.Advance(TimeSpan.FromSeconds(3));

        _time.HasTimerDue.Should().BeFalse();
        Enter(guard, One);
        _time.HasTimerDue.Should().BeTrue();
    }

    [Theory]
    [InlineData(nameof(ConnectionGuardOptions.MaxChannels))]
    [InlineData(nameof(ConnectionGuardOptions.MaxChannelsPerAddress))]
    [InlineData(nameof(ConnectionGuardOptions.MaxChannelsPerPrincipal))]
    [InlineData(nameof(ConnectionGuardOptions.MaxAcceptsPerSecond))]
    [InlineData(nameof(ConnectionGuardOptions.AcceptBurst))]
    [InlineData(nameof(ConnectionGuardOptions.MaxAcceptsPerSecondPerAddress))]
    [InlineData(nameof(ConnectionGuardOptions.AcceptBurstPerAddress))]
    [InlineData(nameof(ConnectionGuardOptions.FirstMessageTimeout))]
    [InlineData(nameof(ConnectionGuardOptions.IdleTimeout))]
    [InlineData(nameof(ConnectionGuardOptions.SlowReaderTimeout))]
    [InlineData(nameof(ConnectionGuardOptions.MaxMessagesPerSecond))]
    [InlineData(nameof(ConnectionGuardOptions.MaxBytesPerSecond))]
    [InlineData(nameof(ConnectionGuardOptions.MaxBufferedBytes))]
    public void Options_OutOfRange_AreNamed(string name)
    {
        var options = new ConnectionGuardOptions();
        var property = typeof(ConnectionGuardOptions).GetProperty(name)!;
        property.SetValue(options, Activator.CreateInstance(Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType));

        FluentActions.Invoking(() => new ConnectionGuard(options)).Should().Throw<ArgumentOutOfRangeException>().Which.ParamName.Should().Be(name);
    }

    private static ConnectionLease Enter(ConnectionGuard guard, IPAddress? address)
    {
        guard.TryEnter(address, null, out var lease, out var refusal).Should().BeTrue($"nothing stands against it, but {refusal}");
        return lease!;
    }

    private static ConnectionRefusal Refuse(ConnectionGuard guard, IPAddress? address)
    {
        guard.TryEnter(address, null, out _, out var refusal).Should().BeFalse();
        return refusal!;
    }

    private ConnectionGuard Create(ConnectionGuardOptions options) => new(options, null, _logger, _time);
}
