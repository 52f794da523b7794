using System.Net;

namespace Transports.Tests.Net;

public sealed class HostAddressTests
{
    [Theory]
    [InlineData("tcp://example.test:80", "example.test", 80)]
    [InlineData("tcp://127.0.0.1:0", "127.0.0.1", 0)]
    [InlineData("tcp://[::1]:1", "::1", 1)]
    [InlineData("tcp://[fe80::1%1]:1", "fe80::1%1", 1)]
    public void Parse_HostAndPort_GivesBoth(string address, string host, int port)
        => HostAddress.Parse(new Uri(address)).Should().Be(new HostAddress("tcp", host, port));

    [Theory]
    [InlineData("tcp://example.test", "no port")]
    [InlineData("tcp://example.test:80/path", "more after them")]
    [InlineData("tcp://example.test:80?query", "more after them")]
    [InlineData("udp://example.test:80", "no tcp address")]
    [InlineData("tcp:80", "no host")]
    public void Parse_SomethingMissingOrTooMuch_SaysWhat(string address, string text)
        => FluentActions.Invoking(() => HostAddress.Parse(new Uri(address), "tcp")).Should().Throw<ArgumentException>().WithMessage($"*{text}*");

    [Fact]
    public void ParseForConnect_PortZero_IsRefused()
        => FluentActions.Invoking(() => HostAddress.ParseForConnect(new Uri("udp://localhost:0"))).Should().Throw<ArgumentException>().WithMessage("*port of the server*");

    [Theory]
    [InlineData("ws://[fe80::1%1]:81/a?b=c#d", "http", "fe80::1%1", 81, "/a?b=c")]
    [InlineData("sse+http://[fe80::1%1]/", "http", "fe80::1%1", 80, "/")]
    [InlineData("ws://user:word@example.test/a%20b", "http", "example.test", 80, "/a%20b")]
    [InlineData("wss://127.0.0.1:444/", "https", "127.0.0.1", 444, "/")]
    [InlineData("wss://example.test/", "https", "example.test", 443, "/")]
    public void ChangeScheme_AnyHost_KeepsZonePortAndPath(string address, string scheme, string host, int port, string pathAndQuery)
    {
        var changed = HostAddress.ChangeScheme(new Uri(address), scheme);

        (changed.Scheme, changed.DnsSafeHost, changed.Port, changed.PathAndQuery).Should().Be((scheme, host, port, pathAndQuery));
        changed.UserInfo.Should().BeEmpty();
    }

    [Fact]
    public void ToUri_EndPoints_KeepTheZoneAndShowIPv4AsItIs()
    {
        HostAddress.ToUri("tcp", new IPEndPoint(IPAddress.Parse("fe80::1%3"), 5))!.DnsSafeHost.Should().Be("fe80::1%3");
        HostAddress.ToUri("tcp", new IPEndPoint(IPAddress.Loopback.MapToIPv6(), 5)).Should().Be(new Uri("tcp://127.0.0.1:5"));
        HostAddress.ToUri("tcp", new DnsEndPoint("example.test", 5)).Should().BeNull();
        HostAddress.ToUri("tcp", "::1", 5).Should().Be(new Uri("tcp://[::1]:5"));
    }

    [Fact]
    public async Task ResolveAsync_Localhost_IsTheLoopbackIPv4First()
        => (await HostAddress.Parse(new Uri("tcp://LOCALHOST:1")).ResolveAsync(CancellationToken.None)).Should().StartWith([IPAddress.Loopback]).And.OnlyContain(ip => IPAddress.IsLoopback(ip));

    [Fact]
    public void ToListenAddress_LocalhostLiteralOrName_IsTheAddressOrRefused()
    {
        HostAddress.Parse(new Uri("udp://localhost:0")).ToListenAddress().Should().Be(IPAddress.Loopback);
        HostAddress.Parse(new Uri("udp://[::]:0")).ToListenAddress().Should().Be(IPAddress.IPv6Any);
        FluentActions.Invoking(() => HostAddress.Parse(new Uri("udp://example.test:0")).ToListenAddress()).Should().Throw<ArgumentException>().WithMessage("*is a name*");
    }
}
