using System.Text;

namespace Transports.Tests;

public sealed class SseDecoderTests
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
    public void TryReadFrame_WebPlatformCase_DispatchesItsEvents(string id, int piece)
    {
        var theCase = WebPlatformCases.All.Single(c => c.GetProperty("id").GetString() == id);
        var reader = new EventReader().Feed(Convert.FromHexString(theCase.GetProperty("hex").GetString()!), piece);
        var expected = theCase.GetProperty("events").EnumerateArray()
            .Select(static e => (e.GetProperty("type").GetString()!, e.GetProperty("data").GetString()!, e.GetProperty("lastEventId").GetString()!));
        reader.Events.Should().Equal(expected);
        if (theCase.TryGetProperty("retry", out var retry) && retry.ValueKind == System.Text.Json.JsonValueKind.Number)
        {
            reader.Decoder.Retry.Should().Be(retry.GetInt64());
        }
    }

    [Fact]
    public void ParsingCases_AreAllThere() => WebPlatformCases.All.Count(static c => !WebPlatformCases.IsAboutTheHeader(c)).Should().Be(21);

    [Fact]
    public void TryReadFrame_EventEndedByTwoCarriageReturns_IsDispatchedAtOnce()
        => new EventReader().Feed("data: x\r\r"u8).Events.Should().Equal(("message", "x", ""));

    [Fact]
    public void TryReadFrame_LineFeedAfterDispatchingCarriageReturn_BelongsToIt()
        => new EventReader().Feed("data: x\r\n\r"u8).Feed("\ndata: y\r\n\r\n"u8).Events.Should().Equal(("message", "x", ""), ("message", "y", ""));

    [Fact]
    public void LastEventId_IdOfAnUnfinishedEvent_DoesNotCount()
        => new EventReader().Feed("id: 1\ndata: x\n\nid: 2\ndata: y\n"u8).Decoder.LastEventId.Should().Be("1");

    [Fact]
    public void LastEventId_IdWithoutData_Counts()
        => new EventReader().Feed("id: 7\n\n"u8).Decoder.LastEventId.Should().Be("7");

    [Fact]
    public void Boundary_ConnectionCutInsideAnEvent_DropsThatEventOnly()
    {
        var reader = new EventReader();
        var cut = "id: 1\ndata: a\n\nid: 2\ndata: half"u8;
        reader.Feed(cut);
        reader.Decoder.Boundary = cut.Length;
        reader.Feed("\uFEFFid: 2\ndata: b\n\n"u8);
        reader.Events.Should().Equal(("message", "a", "1"), ("message", "b", "2"));
    }

    [Fact]
    public void TryReadFrame_InvalidUtf8_IsReplacedAsTheStandardSays()
        => new EventReader().Feed([.. "data: a"u8, 0xFF, .. "b\n\n"u8]).Events.Should().Equal(("message", "a\uFFFDb", ""));

    [Fact]
    public void TryReadFrame_DataOverTheLimit_IsRefusedBeforeItIsGathered()
    {
        var reader = new EventReader(maxMessageSize: 16);
        FluentActions.Invoking(() => reader.Feed("data: 0123456789\ndata: 0123456789\ndata: 0123456789\n"u8)).Should().Throw<MessageTooLargeException>();
    }

    [Fact]
    public void TryReadFrame_LineWithoutAnEnd_IsRefusedAtTheLimit()
    {
        var reader = new EventReader(maxMessageSize: 16);
        FluentActions.Invoking(() => reader.Feed(new byte[16 * 1024])).Should().Throw<MessageTooLargeException>();
    }

    [Fact]
    public void TryReadFrame_BinaryEventOfAForeignServer_IsText()
        => new EventReader().Feed("event: binary\ndata: AAEC\n\n"u8).Messages.Should().ContainSingle().Which.Kind.Should().Be(MessageKind.Text);

    [Fact]
    public void TryReadFrame_BadBase64_IsAFramingError()
        => FluentActions.Invoking(() => new EventReader(isOwn: true).Feed("event: binary\ndata: !!\n\n"u8)).Should().Throw<MessageFramingException>();

    [Theory]
    [InlineData(int.MaxValue)]
    [InlineData(1000)]
    public void TryReadFrame_CommentOfAnyLength_IsSkipped(int piece)
    {
        var reader = new EventReader(maxMessageSize: 16);
        reader.Feed(Encoding.UTF8.GetBytes($"data: a\n: {new string('c', 100_000)}\r\ndata: b\n\ndata: c\n\n"), piece);
        reader.Events.Should().Equal(("message", "a\nb", ""), ("message", "c", ""));
    }

    [Fact]
    public void TryReadFrame_ConnectionCutInsideALongComment_DropsIt()
    {
        var reader = new EventReader(maxMessageSize: 16);
        var cut = Encoding.UTF8.GetBytes($": {new string('c', 100_000)}");
        reader.Feed(cut);
        reader.Decoder.Boundary = cut.Length;
        reader.Feed("data: a\n\n"u8);
        reader.Events.Should().Equal(("message", "a", ""));
    }

    [Fact]
    public void TryReadFrame_LongIdAndType_AreKept()
    {
        var name = new string('n', 8000);
        new EventReader().Feed(Encoding.UTF8.GetBytes($"id: {name}\nevent: {name}\ndata: x\n\n")).Events.Should().Equal((name, "x", name));
    }

    [Fact]
    public void Retry_LargerThanALong_IsTheLargest()
        => new EventReader().Feed("retry: 999999999999999999999999999\n\n"u8).Decoder.Retry.Should().Be(long.MaxValue);
}
