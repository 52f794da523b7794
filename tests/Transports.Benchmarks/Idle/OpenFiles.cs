using System.Globalization;

namespace Transports.Benchmarks;

/// <summary>How many files, and so sockets, this process may have open.</summary>
internal static class OpenFiles
{
    // What the runtime itself, the standard streams and the libraries hold.
    private const int OwnFiles = 500;

    /// <summary>The limit, or null where there is none, or none that can be read.</summary>
    public static long? Limit
    {
        get
        {
            const string limits = "/proc/self/limits";
            const string name = "Max open files";
            if (!File.Exists(limits))
            {
                return null;
            }

            // Name, soft limit, hard limit, unit. The runtime has raised the soft one to the hard one.
            var line = File.ReadLines(limits).FirstOrDefault(static line => line.StartsWith(name, StringComparison.Ordinal));
            var soft = line?[name.Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries).FirstOrDefault();
            return long.TryParse(soft, CultureInfo.InvariantCulture, out var limit) ? limit : null;
        }
    }

    /// <summary>Throws when so many sockets cannot be had.</summary>
    /// <param name="sockets">How many at once.</param>
    /// <exception cref="InvalidOperationException">The limit is too low; says what to do.</exception>
    public static void Require(int sockets)
    {
        if (Limit is { } limit && limit < sockets + OwnFiles)
        {
            throw new InvalidOperationException(string.Create(
                CultureInfo.InvariantCulture,
                $"{sockets:N0} sockets are needed at once, and this process may have {limit:N0} files open. Raise the limit in this shell and start again: ulimit -n {sockets + OwnFiles} (as root, or up to the hard limit: ulimit -Hn)."));
        }
    }
}
