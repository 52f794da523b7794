using System.Net.Sockets;
using static Transports.Tcp.Tests.Net;

namespace Transports.Tcp.Tests;

public sealed class UnixSocketTests : IDisposable
{
    private readonly string _path = SocketPath();

    private Uri Address => new("unix://" + _path);

    public void Dispose() => File.Delete(_path);

    [Fact]
    public async Task Stop_RemovesTheSocketFile()
    {
        var listener = await new TcpTransport().ListenAsync(Address, Token);
        File.Exists(_path).Should().BeTrue();
        listener.LocalAddress.Should().Be(Address);
        await listener.DisposeAsync();
        File.Exists(_path).Should().BeFalse();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Stop_AnotherListenerHasTakenThePath_ItsFileStays(bool renamed)
    {
        var transport = new TcpTransport();
        var old = await transport.ListenAsync(Address, Token);
        if (renamed)
        {
            File.Move(_path, _path + "old");
        }
        else
        {
            File.Delete(_path);
        }

        await using var replacement = await transport.ListenAsync(Address, Token);
        await old.DisposeAsync();

        File.Exists(_path).Should().BeTrue();
        await using var client = await transport.ConnectAsync(Address, Token);
        await using var server = await replacement.AcceptAsync(Token);
        server.Should().NotBeNull();
        File.Delete(_path + "old");
    }

    [Fact]
    public async Task Stop_AnOrdinaryFileHasTakenThePath_ItStays()
    {
        var listener = await new TcpTransport().ListenAsync(Address, Token);
        File.Delete(_path);
        await File.WriteAllTextAsync(_path, "precious", Token);
        await listener.DisposeAsync();
        (await File.ReadAllTextAsync(_path, Token)).Should().Be("precious");
    }

    [Fact]
    public async Task Listen_StaleSocketFile_IsReplaced()
    {
        // A socket bound by a process that is gone: the file stays as .NET removes only the path it was bound with.
        using (var dead = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
        {
            dead.Bind(new UnixDomainSocketEndPoint(_path + "x"));
            File.Move(_path + "x", _path);
        }

        File.Exists(_path).Should().BeTrue();
        var transport = new TcpTransport();
        await using var listener = await transport.ListenAsync(Address, Token);
        await using var client = await transport.ConnectAsync(Address, Token);
        await using var server = await listener.AcceptAsync(Token);
        server.Should().NotBeNull();
    }

    [Fact]
    public async Task Listen_LiveSocket_IsRefusedAndLeftAlone()
    {
        var transport = new TcpTransport();
        await using var listener = await transport.ListenAsync(Address, Token);
        (await transport.Awaiting(t => t.ListenAsync(Address, Token).AsTask()).Should().ThrowAsync<TransportException>())
            .Which.Message.Should().Contain("another server listens there");
        await using var client = await transport.ConnectAsync(Address, Token);
    }

    [Fact]
    public async Task Listen_OrdinaryFile_IsRefusedAndLeftAlone()
    {
        await File.WriteAllTextAsync(_path, "precious", Token);
        (await new TcpTransport().Awaiting(t => t.ListenAsync(Address, Token).AsTask()).Should().ThrowAsync<TransportException>())
            .Which.Message.Should().Contain("is not a socket");
        (await File.ReadAllTextAsync(_path, Token)).Should().Be("precious");
    }

    [Fact]
    public async Task Listen_PathTooLong_SaysHowLong()
    {
        var address = new Uri("unix:///tmp/" + new string('x', 200));
        (await new TcpTransport().Awaiting(t => t.ListenAsync(address, Token).AsTask()).Should().ThrowAsync<ArgumentException>())
            .Which.Message.Should().Contain("205 bytes").And.Contain("shorter path");
    }

    [Fact]
    public async Task Listen_DirectoryMissing_SaysWhatToCheck()
        => (await new TcpTransport().Awaiting(t => t.ListenAsync(new Uri("unix:///tmp/missing-directory/x.sock"), Token).AsTask()).Should().ThrowAsync<TransportException>())
            .Which.Message.Should().Contain("directory");

    [Fact]
    public async Task Connect_NobodyListens_SaysWhatToCheck()
        => (await new TcpTransport().Awaiting(t => t.ConnectAsync(Address, Token).AsTask()).Should().ThrowAsync<TransportException>())
            .Which.Message.Should().Contain(_path).And.Contain("Check that the server runs");

    [Fact]
    public async Task Address_WithSpacesAndSigns_RoundTrips()
    {
        var address = new Uri("unix://" + _path + "%20a%25b%23c");
        var transport = new TcpTransport();
        await using var listener = await transport.ListenAsync(address, Token);
        File.Exists(_path + " a%b#c").Should().BeTrue();
        await using var client = await transport.ConnectAsync(listener.LocalAddress, Token);
    }
}
