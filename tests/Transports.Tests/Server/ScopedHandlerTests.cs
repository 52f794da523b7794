using Microsoft.Extensions.DependencyInjection;

namespace Transports.Tests.Server;

public sealed class ScopedHandlerTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Create_RegisteredOrNot_OneHandlerAChannelFromItsOwnScopeDisposedWithIt(bool registered)
    {
        var services = new ServiceCollection().AddScoped<Part>();
        if (registered)
        {
            services.AddScoped<Handler>();
        }

        await using var provider = services.BuildServiceProvider(validateScopes: true);
        var handler = ScopedHandler.Create<Handler>(provider);
        Handler.Seen.Clear();

        await handler(null!, CancellationToken.None);
        await handler(null!, CancellationToken.None);

        Handler.Seen.Should().HaveCount(2).And.OnlyHaveUniqueItems();
        Handler.Seen.Select(seen => seen.Part).Should().OnlyHaveUniqueItems();
        Handler.Seen.Should().OnlyContain(seen => seen.IsDisposed);
    }

    private sealed class Part;

    private sealed class Handler(Part part) : IMessageChannelHandler, IDisposable
    {
        public static List<Handler> Seen { get; } = [];

        public Part Part => part;

        public bool IsDisposed { get; private set; }

        public Task HandleAsync(IMessageChannel channel, CancellationToken stoppingToken)
        {
            Seen.Add(this);
            return Task.CompletedTask;
        }

        public void Dispose() => IsDisposed = true;
    }
}
