namespace Transports.Testing;

/// <summary>Counts the sockets that this process holds, where the operating system tells.</summary>
internal static class OpenSockets
{
    private const string Descriptors = "/proc/self/fd";

    /// <summary>How many there are; 0 on systems other than Linux.</summary>
    public static int Count()
    {
        if (!Directory.Exists(Descriptors))
        {
            return 0;
        }

        var count = 0;
        foreach (var descriptor in Directory.EnumerateFileSystemEntries(Descriptors))
        {
            try
            {
                if (new FileInfo(descriptor).LinkTarget?.StartsWith("socket:", StringComparison.Ordinal) == true)
                {
                    count++;
                }
            }
            catch (IOException)
            {
                // Closed between the listing and the look.
            }
        }

        return count;
    }
}
