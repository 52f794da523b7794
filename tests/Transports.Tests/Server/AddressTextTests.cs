namespace Transports.Tests.Server;

public sealed class AddressTextTests
{
    [Theory]
    [InlineData("tcp://host:5000", "tcp://host:5000/")]
    [InlineData("wss://user:s3cret@host/chat?access_token=t0ken#part", "wss://host/chat?…")]
    [InlineData("wss://host/chat?t0ken", "wss://host/chat?…")]
    [InlineData("wss://s3cret@host:8443/", "wss://host:8443/")]
    [InlineData("unix:///run/app.sock", "unix:///run/app.sock")]
    [InlineData("tcp://[fe80::1]:5000", "tcp://[fe80::1]:5000/")]
    [InlineData("ws://[fe80::1%1]:5000/chat?t0ken", "ws://[fe80::1%1]:5000/chat?…")]
    [InlineData("user:s3cret@host:5000", "…@host:5000")]
    [InlineData("tcp:localhost:5000", "tcp:localhost:5000")]
    [InlineData("//user:s3cret@host?t0ken", "…@host?…")]
    [InlineData("path?t0ken#s3cret", "path?…")]
    [InlineData("path#s3cret", "path")]
    [InlineData("gopher://user:s3cret@host/a?t0ken", "gopher://host/a?…")]
    public void Of_AnyAddress_ShowsNothingSecret(string address, string shown)
    {
        var uri = new Uri(address, UriKind.RelativeOrAbsolute);

        AddressText.Of(uri).Should().Be(shown);
    }

    [Fact]
    public void Of_NoAddress_SaysSo() => AddressText.Of(null).Should().Be("(none)");
}
