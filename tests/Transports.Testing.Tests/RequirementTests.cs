using Xunit.Sdk;

namespace Transports.Testing.Tests;

public sealed class RequirementTests
{
    [Theory]
    [InlineData(null, "quic", false)]
    [InlineData("", "quic", false)]
    [InlineData("quic", "quic", true)]
    [InlineData("node, QUIC ,chromium", "quic", true)]
    [InlineData("quick,node", "quic", false)]
    public void IsListed_NamesSeparatedByCommas_FindsWholeNames(string? list, string name, bool listed)
        => Requirement.IsListed(list, name).Should().Be(listed);

    [Fact]
    public void SkipUnless_Available_GoesOn() => Requirement.SkipUnless(true, "anything", "never said");

    [Fact]
    public void SkipUnless_Missing_SkipsWithTheReason()
    {
        var skipping = () => Requirement.SkipUnless(false, "a-thing-nobody-requires", "A thing is missing. Install it.");
        skipping.Should().Throw<SkipException>().WithMessage("*A thing is missing. Install it.*TRANSPORTS_REQUIRE=a-thing-nobody-requires*");
    }
}
