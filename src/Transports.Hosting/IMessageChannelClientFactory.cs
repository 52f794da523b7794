namespace Transports;

/// <summary>Finds named clients.</summary>
public interface IMessageChannelClientFactory
{
    /// <summary>The client of a name.</summary>
    /// <param name="name">The name given to <c>AddMessageChannelClient</c>; upper and lower case are different.</param>
    /// <exception cref="InvalidOperationException">No client has this name. The message says which there are.</exception>
    IMessageChannelClient GetClient(string name);
}
