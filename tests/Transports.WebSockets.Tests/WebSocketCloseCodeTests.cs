namespace Transports.WebSockets.Tests;

public sealed class WebSocketCloseCodeTests
{
    [Fact]
    public void FromStatus_EveryStatus_IsAllowedAndComesBackUnlessOnlyThisSideCanKnowIt()
    {
        foreach (var status in Enum.GetValues<ChannelCloseStatus>())
        {
            var code = CloseCode.FromStatus(status);
            CloseCode.IsAllowed(code).Should().BeTrue($"{status} is {code}");
            CloseCode.ToStatus(code).Should().Be(
                status is ChannelCloseStatus.ConnectionLost or ChannelCloseStatus.Aborted ? ChannelCloseStatus.InternalError : status);
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(999)]
    [InlineData(1004)]
    [InlineData(1005)]
    [InlineData(1006)]
    [InlineData(1015)]
    [InlineData(2999)]
    [InlineData(5000)]
    public void IsAllowed_CodeThatMustNotBeSent_IsNot(int code) => CloseCode.IsAllowed(code).Should().BeFalse();

    [Theory]
    [InlineData(1007, ChannelCloseStatus.ProtocolError)]
    [InlineData(1012, ChannelCloseStatus.GoingAway)]
    [InlineData(4000, ChannelCloseStatus.PolicyViolation)]
    public void ToStatus_CodeWithoutAStatusOfItsOwn_IsTheNearest(int code, ChannelCloseStatus status)
        => CloseCode.ToStatus(code).Should().Be(status);
}
