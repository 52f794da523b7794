namespace Transports.Grpc.Tests;

/// <summary>What the default service's envelope adds to gRPC: the server's half-close and the client's close status.</summary>
public class EnvelopeEndTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task CompleteSendingAsync_Server_ClientReadsToTheEndAndGoesOn()
    {
        await using var pair = await GrpcPair.OpenAsync();

        await pair.Server.SendAsync(new byte[] { 7 }, Token);
        await pair.Server.CompleteSendingAsync(Token);

        (await pair.Client.ReceiveAsync(Token))!.Value.ToArray().Should().Equal(7);
        (await pair.Client.ReceiveAsync(Token)).Should().BeNull();
        await pair.Client.SendAsync(new byte[] { 8 }, Token);
        (await pair.Server.ReceiveAsync(Token))!.Value.ToArray().Should().Equal(8);
        pair.Client.Closed.IsCompleted.Should().BeFalse();
        await pair.Client.CompleteSendingAsync(Token);
        (await pair.Server.ReceiveAsync(Token)).Should().BeNull();
        (await pair.Server.Closed.WaitAsync(Token)).Status.Should().Be(ChannelCloseStatus.Normal);
        (await pair.Client.Closed.WaitAsync(Token)).Status.Should().Be(ChannelCloseStatus.Normal);
    }

    [Fact]
    public async Task CloseAsync_ServerAfterItsHalfClose_StatusReachesAClientThatNeitherSendsNorReceives()
    {
        await using var pair = await GrpcPair.OpenAsync();
        await pair.Server.CompleteSendingAsync(Token);
        (await pair.Client.ReceiveAsync(Token)).Should().BeNull();

        await pair.Server.CloseAsync(ChannelCloseStatus.PolicyViolation, "genug", Token);

        (await pair.Client.Closed.WaitAsync(Token)).Should().BeEquivalentTo(
            new { Status = ChannelCloseStatus.PolicyViolation, IsRemote = true, Description = "genug", ProtocolErrorCode = (long)GrpcStatusCode.PermissionDenied });
        pair.Client.GetFeature<IGrpcClientCallFeature>()!.Status!.Value.Code.Should().Be(GrpcStatusCode.PermissionDenied);
        var send = async () => await pair.Client.SendAsync(new byte[1], Token);
        await send.Should().ThrowAsync<MessageChannelClosedException>();
    }

    [Fact]
    public async Task Abort_ServerAfterItsHalfClose_ReachesTheClient()
    {
        await using var pair = await GrpcPair.OpenAsync();
        await pair.Server.CompleteSendingAsync(Token);
        (await pair.Client.ReceiveAsync(Token)).Should().BeNull();

        pair.Server.Abort();

        (await pair.Client.Closed.WaitAsync(Token)).Should().BeEquivalentTo(new { Status = ChannelCloseStatus.ConnectionLost, IsRemote = true });
    }

    [Theory]
    [InlineData(ChannelCloseStatus.Normal, "done")]
    [InlineData(ChannelCloseStatus.GoingAway, null)]
    [InlineData(ChannelCloseStatus.PolicyViolation, "Geht nicht: ü 100 %")]
    [InlineData(ChannelCloseStatus.TimedOut, "late")]
    [InlineData(ChannelCloseStatus.Aborted, null)]
    public async Task CloseAsync_ClientWithStatus_ReachesTheServer(ChannelCloseStatus status, string? description)
    {
        await using var pair = await GrpcPair.OpenAsync();

        await pair.Client.SendAsync(new byte[] { 1 }, Token);
        await pair.Client.CloseAsync(status, description, Token);

        (await pair.Server.ReceiveAsync(Token))!.Value.ToArray().Should().Equal(1);
        if (status is ChannelCloseStatus.Normal or ChannelCloseStatus.GoingAway)
        {
            (await pair.Server.ReceiveAsync(Token)).Should().BeNull();
        }
        else
        {
            var receive = async () => await pair.Server.ReceiveAsync(Token);
            (await receive.Should().ThrowAsync<MessageChannelClosedException>()).Which.CloseInfo.Status.Should().Be(status);
        }

        (await pair.Server.Closed.WaitAsync(Token)).Should().BeEquivalentTo(new { Status = status, IsRemote = true, Description = description });
        (await pair.Client.Closed).Should().BeEquivalentTo(new { Status = status, IsRemote = false, Description = description });
    }

    [Fact]
    public async Task CloseAsync_ClientWithStatusAndGzip_ReachesTheServer()
    {
        await using var pair = await GrpcPair.OpenAsync(new GrpcTransportOptions { EnableCompression = true, CompressionThreshold = 0 }, new KestrelTransportOptions { Grpc = { EnableCompression = true, CompressionThreshold = 0 } });

        await pair.Client.CloseAsync(ChannelCloseStatus.InternalError, new string('x', 5000), Token);

        var receive = async () => await pair.Server.ReceiveAsync(Token);
        (await receive.Should().ThrowAsync<MessageChannelClosedException>()).Which.CloseInfo.Should().BeEquivalentTo(
            new { Status = ChannelCloseStatus.InternalError, Description = new string('x', 900) });
    }

    [Fact]
    public async Task CloseAsync_BothSidesAfterTheServersHalfClose_AtOnce_BothEndNormally()
    {
        for (var i = 0; i < 50; i++)
        {
            await using var pair = await GrpcPair.OpenAsync();
            var completing = pair.Server.CompleteSendingAsync(Token).AsTask();
            var closing = pair.Client.CloseAsync(ChannelCloseStatus.GoingAway, "bye", Token).AsTask();
            (await pair.Server.ReceiveAsync(Token)).Should().BeNull();
            await Task.WhenAny(completing);
            await closing;
            (await pair.Server.Closed.WaitAsync(Token)).Should().BeEquivalentTo(new { Status = ChannelCloseStatus.GoingAway, IsRemote = true, Description = "bye" });
        }
    }

    [Fact(Timeout = 60_000)]
    public async Task CloseAsync_ClientWithStatusAfterTheServersHalfClose_CallEndsWithAStatus()
    {
        await using var listener = await new KestrelTransport().ListenAsync(new Uri("grpc+http://localhost:0"), Token);
        using var client = new RawGrpcClient(listener.LocalAddress);
        var calling = client.CallAsync(Envelope.FrameEnd(new EnvelopeEnd(ChannelCloseStatus.GoingAway, "bye")));
        await using var server = (await listener.AcceptAsync(Token))!;
        await server.CompleteSendingAsync(Token);

        (await server.ReceiveAsync(Token)).Should().BeNull();

        (await server.Closed.WaitAsync(Token)).Should().BeEquivalentTo(new { Status = ChannelCloseStatus.GoingAway, IsRemote = true, Description = "bye" });
        (await calling).Status.Should().Be((int)GrpcStatusCode.OK);
    }

    [Fact]
    public async Task Characteristics_MethodOfSomebodyElse_NeitherOfTheTwo()
    {
        await using var own = await GrpcPair.OpenAsync();
        own.Client.Characteristics.Should().BeEquivalentTo(new { SupportsHalfClose = true, CarriesCloseStatus = true, PreservesMessageKind = true });
        own.Server.Characteristics.Should().BeEquivalentTo(new { SupportsHalfClose = true, CarriesCloseStatus = true, PreservesMessageKind = true });

        await using var other = await GrpcPair.OpenAsync(path: "/a.B/C");
        other.Client.Characteristics.Should().BeEquivalentTo(new { SupportsHalfClose = true, CarriesCloseStatus = false, PreservesMessageKind = false });
        other.Server.Characteristics.Should().BeEquivalentTo(new { SupportsHalfClose = false, CarriesCloseStatus = true, PreservesMessageKind = false });
        var complete = async () => await other.Server.CompleteSendingAsync(Token);
        await complete.Should().ThrowAsync<NotSupportedException>();

        await other.Client.CloseAsync(ChannelCloseStatus.PolicyViolation, "unheard", Token);
        (await other.Server.ReceiveAsync(Token)).Should().BeNull();
    }

    [Fact]
    public async Task Receive_ClientEndsItsStreamWithoutAnEnd_IsAHalfClose()
    {
        await using var pair = await GrpcPair.OpenAsync();

        await pair.Client.CloseAsync(cancellationToken: Token);

        (await pair.Server.ReceiveAsync(Token)).Should().BeNull();
        pair.Server.Closed.IsCompleted.Should().BeFalse("the server may go on, as far as it knows");
        await pair.Server.CloseAsync(cancellationToken: Token);
        (await pair.Server.Closed).Should().BeEquivalentTo(new { Status = ChannelCloseStatus.Normal, IsRemote = true });
    }

    [Theory]
    [InlineData(null, null, "0000000002 1A00")]
    [InlineData(ChannelCloseStatus.Normal, "no", "0000000008 1A06 0801 12026E6F")]
    [InlineData(ChannelCloseStatus.Aborted, null, "0000000004 1A02 0809")]
    public void FrameEnd_IsWhatTheProtoSays(ChannelCloseStatus? status, string? description, string hex)
    {
        var frame = Envelope.FrameEnd(new EnvelopeEnd(status, description));

        Convert.ToHexString(frame).Should().Be(hex.Replace(" ", "", StringComparison.Ordinal));
        Envelope.Read(frame.AsSpan(5), out _, out _, out var end);
        end.Should().Be(new EnvelopeEnd(status, description));
    }

    [Fact]
    public void FrameEnd_LongDescription_IsCutBetweenCharacters()
    {
        var frame = Envelope.FrameEnd(new EnvelopeEnd(ChannelCloseStatus.Normal, "x" + new string('ü', 2000)));

        frame.Length.Should().BeLessThan(Envelope.AcceptedOverhead, "a receiver with the smallest message limit takes it");
        Envelope.Read(frame.AsSpan(5), out _, out _, out var end);
        end!.Description.Should().Be("x" + new string('ü', 449));
    }

    [Theory]
    [InlineData("1A020863", ChannelCloseStatus.InternalError)] // status 99, of a later version
    [InlineData("1A0608021A017801", ChannelCloseStatus.GoingAway, false)] // an unknown string inside, cut short
    [InlineData("1A0508021A0178", ChannelCloseStatus.GoingAway)] // an unknown string inside
    [InlineData("1A0208020A0161", ChannelCloseStatus.GoingAway)] // and a payload
    [InlineData("1A0108", null, false)]
    [InlineData("1A0412FF0161", null, false)]
    public void Read_EndFromAnotherVersion_IsReadOrRefused(string hex, ChannelCloseStatus? status, bool isValid = true)
    {
        EnvelopeEnd? end = null;
        var read = () => Envelope.Read(Convert.FromHexString(hex), out _, out _, out end);

        if (isValid)
        {
            read.Should().NotThrow();
            end!.Status.Should().Be(status);
        }
        else
        {
            read.Should().Throw<MessageFramingException>();
        }
    }
}
