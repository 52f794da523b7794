using System.Text.Json;

namespace Transports.Tests;

public sealed class SseDecoderTests
{
    private static readonly JsonElement[] Cases = Load();

    public static TheoryData<string, int> ParsingCases()
    {
        var data = new TheoryData<string, int>();
        foreach (var id in Cases.Where(static c => !IsAboutTheHeader(c)).Select(static c => c.GetProperty("id").GetString()!))
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
        var theCase = Cases.Single(c => c.GetProperty("id").GetString() == id);
        var reader = new EventReader().Feed(Convert.FromHexString(theCase.GetProperty("hex").GetString()!), piece);
        var expected = theCase.GetProperty("events").EnumerateArray()
            .Select(static e => (e.GetProperty("type").GetString()!, e.GetProperty("data").GetString()!, e.GetProperty("lastEventId").GetString()!));
        reader.Events.Should().Equal(expected);
        if (theCase.TryGetProperty("retry", out var retry) && retry.ValueKind == JsonValueKind.Number)
        {
            reader.Decoder.Retry.Should().Be(retry.GetInt64());
        }
    }

    [Fact]
    public void ParsingCases_AreAllThere() => Cases.Count(static c => !IsAboutTheHeader(c)).Should().Be(21);

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
        FluentActions.Invoking(() => reader.Feed(new byte[4096])).Should().Throw<MessageTooLargeException>();
    }

    [Fact]
    public void TryReadFrame_BinaryEventOfAForeignServer_IsText()
        => new EventReader().Feed("event: binary\ndata: AAEC\n\n"u8).Messages.Should().ContainSingle().Which.Kind.Should().Be(MessageKind.Text);

    [Fact]
    public void TryReadFrame_BadBase64_IsAFramingError()
        => FluentActions.Invoking(() => new EventReader(isOwn: true).Feed("event: binary\ndata: !!\n\n"u8)).Should().Throw<MessageFramingException>();

    private static bool IsAboutTheHeader(JsonElement theCase)
        => theCase.TryGetProperty("outcome", out var outcome) && outcome.ValueKind == JsonValueKind.String;

    private static JsonElement[] Load()
    {
        using var stream = typeof(SseDecoderTests).Assembly.GetManifestResourceStream("wpt-eventsource-cases.json")!;
        using var document = JsonDocument.Parse(stream);
        return [.. document.RootElement.EnumerateArray().Select(static e => e.Clone())];
    }
}
