using System.Buffers;
using System.Text;

namespace Transports.Sse.Tests;

public sealed class SseCodecTests
{
    public static TheoryData<string, int> ParsingCases()
    {
        var data = new TheoryData<string, int>();
        foreach (var id in WebPlatformCases.All.Where(static c => !WebPlatformCases.IsAboutTheHeader(c)).Select(static c => c.GetProperty("id").GetString()!))
        {
            data.Add(id, int.MaxValue);
            data.Add(id, 1);
            data.Add(id, 7);
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(ParsingCases))]
    public void Read_WebPlatformCase_DispatchesItsEvents(string id, int piece)
    {
        var theCase = WebPlatformCases.All.Single(c => c.GetProperty("id").GetString() == id);
        var reader = new EventReader().Feed(Convert.FromHexString(theCase.GetProperty("hex").GetString()!), piece);
        var expected = theCase.GetProperty("events").EnumerateArray()
            .Select(static e => (e.GetProperty("type").GetString()!, e.GetProperty("data").GetString()!, e.GetProperty("lastEventId").GetString()!));
        reader.Events.Should().Equal(expected);
        if (theCase.TryGetProperty("retry", out var retry) && retry.ValueKind == System.Text.Json.JsonValueKind.Number)
        {
            reader.Codec.ReconnectDelay.Should().Be(TimeSpan.FromMilliseconds(retry.GetInt64()));
        }
    }

    [Fact]
    public void ParsingCases_AreAllThere() => WebPlatformCases.All.Count(static c => !WebPlatformCases.IsAboutTheHeader(c)).Should().Be(21);

    [Fact]
    public void Read_EventEndedByTwoCarriageReturns_IsDispatchedAtOnce()
        => new EventReader().Feed("data: x\r\r"u8).Events.Should().Equal(("message", "x", ""));

    [Fact]
    public void Read_LineFeedAfterDispatchingCarriageReturn_BelongsToIt()
        => new EventReader().Feed("data: x\r\n\r"u8).Feed("\ndata: y\r\n\r\n"u8).Events.Should().Equal(("message", "x", ""), ("message", "y", ""));

    [Fact]
    public void LastEventId_IdOfAnUnfinishedEvent_DoesNotCount()
        => new EventReader().Feed("id: 1\ndata: x\n\nid: 2\ndata: y\n"u8).Codec.LastEventId.Should().Be("1");

    [Fact]
    public void LastEventId_IdWithoutData_Counts()
        => new EventReader().Feed("id: 7\n\n"u8).Codec.LastEventId.Should().Be("7");

    [Fact]
    public void ResetInput_ConnectionCutInsideAnEvent_DropsThatEventOnly()
    {
        var reader = new EventReader();
        reader.Feed("id: 1\ndata: a\n\nid: 2\ndata: half"u8);
        reader.Reconnect();
        reader.Feed("\uFEFFid: 2\ndata: b\n\n"u8);
        reader.Events.Should().Equal(("message", "a", "1"), ("message", "b", "2"));
    }

    [Fact]
    public void Read_InvalidUtf8_IsReplacedAsTheStandardSays()
        => new EventReader().Feed([.. "data: a"u8, 0xFF, .. "b\n\n"u8]).Events.Should().Equal(("message", "a\uFFFDb", ""));

    [Fact]
    public void Read_DataOverTheLimit_IsRefusedBeforeItIsGathered()
    {
        var reader = new EventReader(maxMessageSize: 16);
        FluentActions.Invoking(() => reader.Feed("data: 0123456789\ndata: 0123456789\ndata: 0123456789\n"u8)).Should().Throw<MessageTooLargeException>();
    }

    [Fact]
    public void Read_LineWithoutAnEnd_IsRefusedAtTheLimit()
    {
        var reader = new EventReader(maxMessageSize: 16);
        FluentActions.Invoking(() => reader.Feed(new byte[16 * 1024])).Should().Throw<MessageTooLargeException>();
    }

    [Fact]
    public void Read_BinaryEventOfAForeignServer_IsText()
        => new EventReader().Feed("event: binary\ndata: AAEC\n\n"u8).Messages.Should().ContainSingle().Which.Kind.Should().Be(MessageKind.Text);

    [Fact]
    public void Read_BadBase64_IsAFramingError()
        => FluentActions.Invoking(() => new EventReader(isOwn: true).Feed("event: binary\ndata: !!\n\n"u8)).Should().Throw<MessageFramingException>();

    [Theory]
    [InlineData(int.MaxValue)]
    [InlineData(1000)]
    public void Read_CommentOfAnyLength_IsSkipped(int piece)
    {
        var reader = new EventReader(maxMessageSize: 16);
        reader.Feed(Encoding.UTF8.GetBytes($"data: a\n: {new string('c', 100_000)}\r\ndata: b\n\ndata: c\n\n"), piece);
        reader.Events.Should().Equal(("message", "a\nb", ""), ("message", "c", ""));
    }

    [Fact]
    public void ResetInput_ConnectionCutInsideALongComment_DropsIt()
    {
        var reader = new EventReader(maxMessageSize: 16);
        reader.Feed(Encoding.UTF8.GetBytes($": {new string('c', 100_000)}"));
        reader.Reconnect();
        reader.Feed("data: a\n\n"u8);
        reader.Events.Should().Equal(("message", "a", ""));
    }

    [Fact]
    public void Read_LongIdAndType_AreKept()
    {
        var name = new string('n', 8000);
        new EventReader().Feed(Encoding.UTF8.GetBytes($"id: {name}\nevent: {name}\ndata: x\n\n")).Events.Should().Equal((name, "x", name));
    }

    [Fact]
    public void Retry_LargerThanALong_IsTheLongestWait()
        => new EventReader().Feed("retry: 999999999999999999999999999\n\n"u8).Codec.ReconnectDelay.Should().Be(TimeSpan.FromMilliseconds(int.MaxValue));

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(int.MaxValue)]
    public void Read_BlankLineBehindAByteOrderMark_IsALine(int piece)
        => new EventReader().Feed("\uFEFF\ndata: a\n\n"u8, piece).Events.Should().Equal(("message", "a", ""));

    [Fact]
    public void Read_SeveralMessagesInTheInput_AreOneTable()
    {
        var reader = new EventReader(isOwn: true).Feed("data: a\n\ndata: b\r\n\r\n: c\n\ndata: d\n\nevent: binary\ndata: AAEC\n\nevent: binary\ndata: AAED\n\ndata: half"u8);
        reader.Tables.Should().Equal(3, 2);
        reader.Messages.Select(static message => message.Payload.Length).Should().Equal(1, 1, 1, 3, 3);
        reader.Feed("\n\n"u8).Events[^1].Data.Should().Be("half");
    }

    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    [InlineData(int.MaxValue)]
    public void Read_TypesAndIdsThatChange_AreToldWithTheirMessage(int piece)
        => new EventReader().Feed("data: a\n\nevent: t\ndata: b\n\nid: 1\n\ndata: c\n\nid: 2\nevent: t\ndata: d\ndata: e\n\nevent: t\ndata: f\n\n"u8, piece)
            .Events.Should().Equal(("message", "a", ""), ("t", "b", ""), ("message", "c", "1"), ("t", "d\ne", "2"), ("t", "f", "2"));

    [Fact]
    public void Read_MoreMessagesThanATableTakes_AreAllFound()
    {
        var reader = new EventReader().Feed(Encoding.UTF8.GetBytes(string.Concat(Enumerable.Range(0, 200).Select(static i => $"data: {i}\n\n"))));
        reader.Tables.Should().Equal(64, 64, 64, 8);
        reader.Events.Select(static e => e.Data).Should().Equal(Enumerable.Range(0, 200).Select(static i => $"{i}"));
    }

    [Theory]
    [InlineData("event: binary\ndata: A*==\n\n")]
    [InlineData("data: 0123456789abcdefghijklmnopqrstuvwxyz\ndata: 0123456789abcdefghijklmnopqrstuvwxyz\n\n")]
    public void Read_FaultBehindMessages_IsToldBehindThem(string fault)
    {
        var reader = new EventReader(isOwn: true, maxMessageSize: 16);
        var reading = FluentActions.Invoking(() => reader.Feed(Encoding.UTF8.GetBytes("event: binary\ndata: AAEC\n\n" + fault)));
        (fault.Contains('*', StringComparison.Ordinal) ? (Exception)reading.Should().Throw<MessageFramingException>().Which : reading.Should().Throw<MessageTooLargeException>().Which).Should().NotBeNull();
        reader.Messages.Should().ContainSingle();
    }

    [Theory]
    [InlineData(1)]
    [InlineData(int.MaxValue)]
    public void Read_CloseBehindMessages_IsToldBehindThemAndEndsReading(int piece)
    {
        var reader = new EventReader(isOwn: true).Feed("data: a\n\nevent: close\ndata: GoingAway see\ndata: you\n\ndata: late\n\n"u8, piece);
        reader.Events.Select(static e => e.Data).Should().Equal("a");
        reader.Close.Should().Be(new ChannelCloseInfo(ChannelCloseStatus.GoingAway, IsRemote: true, "see\nyou"));
    }

    [Fact]
    public void Read_CloseOfAForeignServer_IsAMessage()
        => new EventReader().Feed("event: close\ndata: Normal\n\n"u8).Events.Should().Equal(("close", "Normal", ""));

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(int.MaxValue)]
    public void Scan_Close_IsFoundAndNothingBehindIt(int piece)
    {
        var codec = new EventReader(isOwn: true).Codec;
        codec.BeginScan();
        var bytes = Encoding.UTF8.GetBytes($"\uFEFFdata: event: close\r\n\r\n{new string('x', 100_000)}\nevent: binary\ndata: !!\n\nid: 1.7\nevent: close\ndata: GoingAway bye\n\n");
        Scan(codec, [.. bytes, .. "data: more\n\n"u8], piece, out var consumed).Should().Be(new ChannelCloseInfo(ChannelCloseStatus.GoingAway, IsRemote: true, "bye"));
        consumed.Should().Be(bytes.Length);
    }

    [Theory]
    [InlineData("event: clo")]
    [InlineData("event: close\n")]
    [InlineData("event: close\nda")]
    [InlineData("event: close\ndata: Going")]
    [InlineData("event: close\ndata: GoingAway bye\n")]
    [InlineData("event: close\r\ndata: GoingAway bye\r")]
    public void Scan_CloseOfWhichReadHasSeenTheBeginning_IsFound(string seen)
    {
        var reader = new EventReader(isOwn: true).Feed(Encoding.UTF8.GetBytes(seen));
        reader.Codec.BeginScan();
        var lineEnd = seen.Contains('\r', StringComparison.Ordinal) ? "\r\n" : "\n";
        var rest = $"event: close{lineEnd}data: GoingAway bye{lineEnd}{lineEnd}"[seen.Length..];
        Scan(reader.Codec, [.. reader.Left, .. Encoding.UTF8.GetBytes(rest)], int.MaxValue, out _).Should().Be(new ChannelCloseInfo(ChannelCloseStatus.GoingAway, IsRemote: true, "bye"));
    }

    [Theory]
    [InlineData("event: close\n\n")]
    [InlineData("event: close\nevent: other\ndata: Normal\n\n")]
    [InlineData(": event: close\ndata: Normal\n\n")]
    [InlineData("data: x\ndata: event: close\n\n")]
    public void Scan_NoClose_FindsNone(string events)
    {
        var codec = new EventReader(isOwn: true).Codec;
        codec.BeginScan();
        Scan(codec, Encoding.UTF8.GetBytes(events), 1, out var consumed).Should().BeNull();
        consumed.Should().Be(events.Length);
    }

    [Fact]
    public void Release_GatheredMessageIsLent_LeavesItsMemory()
    {
        var pool = new CountingPool();
        var reader = new EventReader(pool: pool).Feed("data: a\ndata: b\n\n"u8);
        reader.Codec.Release(abandon: true);
        pool.Abandoned.Should().Be(1);
        pool.Outstanding.Should().Be(0);
    }

    [Fact]
    public void TryWriteClose_BehindMessages_IsTheLastEvent()
    {
        var codec = new SseCodec(ChannelSide.Server, ChannelDirection.UnidirectionalSend, isOwn: true, new MessageChannelOptions(), "s.");
        var output = new OutputBuffer(ArrayPool<byte>.Shared);
        codec.Write([Message.FromText("a"), Message.FromText("b")], output);
        codec.TryWriteClose(new ChannelCloseInfo(ChannelCloseStatus.GoingAway, IsRemote: false, "a\nb"), null, output).Should().BeTrue();
        Encoding.UTF8.GetString(output.WrittenSpan).Should().Be("id: s.1\ndata: a\n\nid: s.2\ndata: b\n\nid: s.3\nevent: close\ndata: GoingAway a b\n\n");
        SseWire.EndsWithClose(output.WrittenSpan).Should().BeTrue();
        output.Release();
    }

    [Fact]
    public void TryWriteClose_ClientThatOnlyReceives_HasNothingToWriteItIn()
        => new SseCodec(ChannelSide.Client, ChannelDirection.UnidirectionalReceive, isOwn: true, new MessageChannelOptions())
            .TryWriteClose(new ChannelCloseInfo(ChannelCloseStatus.Normal, IsRemote: false), null, new OutputBuffer(ArrayPool<byte>.Shared)).Should().BeFalse();

    private static ChannelCloseInfo? Scan(SseCodec codec, byte[] bytes, int piece, out int consumed)
    {
        var read = new CodecRead { Frames = new MessageFrame[CodecRead.MaxMessages] };
        consumed = 0;
        while (consumed < bytes.Length)
        {
            read.Clear(scanned: 0);
            var status = codec.Scan(bytes.AsSpan(consumed, Math.Min(piece, bytes.Length - consumed)), ref read);
            consumed += read.Consumed;
            if (status == ReadStatus.Closed)
            {
                return read.Close;
            }
        }

        return null;
    }
}
