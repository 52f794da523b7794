namespace Transports.Tcp;

/// <summary>The file of a listener's socket.</summary>
internal sealed class UnixSocketFile(string path)
{
    private readonly UnixFileIdentity? _identity = UnixFileIdentity.Of(path);

    /// <summary>
    /// Removes the file, unless another has taken its place meanwhile: somebody's document, or the socket of a server that was started to
    /// replace this one. Call before the socket is closed: until then no other file can have the same inode.
    /// </summary>
    public void Remove()
    {
        if (_identity is null || UnixFileIdentity.Of(path) != _identity)
        {
            return;
        }

        try
        {
            File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The next listener there finds it stale and replaces it, or says why it cannot.
        }
    }
}
