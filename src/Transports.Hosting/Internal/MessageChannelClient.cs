using Microsoft.Extensions.Options;

namespace Transports.Hosting;

/// <summary>Connects as its options say at the moment of connecting, so that a changed address is used by the next channel.</summary>
internal sealed class MessageChannelClient(
    string name,
    IMessageChannelFactory factory,
    IOptionsMonitor<MessageChannelClientOptions> options,
    TimeProvider timeProvider) : IMessageChannelClient
{
    public string Name => name;

    public Uri Address => options.Get(name).Address!;

    public async ValueTask<IMessageChannel> ConnectAsync(CancellationToken cancellationToken = default)
    {
        var current = options.Get(name);
        using var timeout = new CancellationTokenSource(current.ConnectTimeout, timeProvider);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        try
        {
            return await factory.ConnectAsync(current.Address!, either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new TransportException(
                $"The client '{name}' did not reach {AddressText.Of(current.Address)} within {current.ConnectTimeout}. Check that the peer runs, or raise {HostingKeys.Client(name)}:{nameof(current.ConnectTimeout)}.", e);
        }
        catch (OperationCanceledException e)
        {
            throw new OperationCanceledException(e.Message, e, cancellationToken);
        }
    }
}
