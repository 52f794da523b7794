namespace Transports.Testing;

/// <summary>Waits for a condition that nothing announces, such as the operating system's count of sockets.</summary>
internal static class Eventually
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(5);

    /// <summary>Polls until the condition holds.</summary>
    /// <returns><see langword="false"/> when the time was over first.</returns>
    public static async Task<bool> TrueOrTimeoutAsync(Func<bool> condition, TimeSpan patience)
    {
        var begun = TimeProvider.System.GetTimestamp();
        while (!condition())
        {
            if (TimeProvider.System.GetElapsedTime(begun) > patience)
            {
                return condition();
            }

            await Task.Delay(Pause).ConfigureAwait(false);
        }

        return true;
    }
}
