using System.Net.Sockets;
using System.Text;

namespace Transports.Tcp;

/// <summary>The paths of Unix domain sockets.</summary>
internal static class UnixSocketPath
{
    // What opening a socket as a file fails with, which no other kind of file does: ENXIO on Linux, EOPNOTSUPP on macOS.
    private const int LinuxNotOpenable = 6;
    private const int MacOSNotOpenable = 102;

    public static UnixDomainSocketEndPoint ToEndPoint(string path)
    {
        try
        {
            return new UnixDomainSocketEndPoint(path);
        }
        catch (ArgumentOutOfRangeException e)
        {
            throw new ArgumentException(
                $"The socket path '{path}' has {Encoding.UTF8.GetByteCount(path)} bytes, more than this system allows (107 on Linux, 103 on macOS). Use a shorter path, such as one under /run or /tmp.",
                nameof(path),
                e);
        }
    }

    /// <summary>Listens at a path. A socket file that a dead process left there is replaced; one that is in use is not.</summary>
    public static (Socket Socket, UnixSocketFile File) Listen(string path, AddressText shown, int backlog)
    {
        var endPoint = ToEndPoint(path);
        try
        {
            try
            {
                return Bind(endPoint, path, backlog);
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.AddressAlreadyInUse)
            {
                RemoveStale(endPoint, path, shown, e);
                return Bind(endPoint, path, backlog);
            }
        }
        catch (SocketException e)
        {
            throw new TransportException(
                $"Could not listen on {shown}: {e.Message}. Check that the directory of '{path}' exists, that this user may write there, and that no other server starts on the same path.",
                e);
        }
    }

    private static (Socket Socket, UnixSocketFile File) Bind(UnixDomainSocketEndPoint endPoint, string path, int backlog)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        UnixSocketFile? file = null;
        try
        {
            socket.Bind(new UnixListenEndPoint(endPoint));
            file = new UnixSocketFile(path);
            socket.Listen(backlog);
            return (socket, file);
        }
        catch
        {
            file?.Remove();
            socket.Dispose();
            throw;
        }
    }

    private static void RemoveStale(UnixDomainSocketEndPoint endPoint, string path, AddressText shown, SocketException cause)
    {
        var found = UnixFileIdentity.Of(path);
        if (!IsSocket(path))
        {
            throw new TransportException($"Could not listen on {shown}: '{path}' exists and is not a socket. Use another path, or move that file away.", cause);
        }

        if (SomebodyListens(endPoint))
        {
            throw new TransportException($"Could not listen on {shown}: another server listens there. Stop it, or use another path.", cause);
        }

        if (UnixFileIdentity.Of(path) != found)
        {
            throw new TransportException($"Could not listen on {shown}: another server started on the same path at the same time. Stop it, or use another path.", cause);
        }

        try
        {
            File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new TransportException($"Could not listen on {shown}: a server that is gone left its socket file there, and it could not be removed: {e.Message} Remove '{path}'.", e);
        }
    }

    private static bool SomebodyListens(UnixDomainSocketEndPoint endPoint)
    {
        using var probe = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            // Without waiting: a listener whose backlog is full would block, and it is alive.
            probe.Blocking = false;
            probe.Connect(endPoint);
            return true;
        }
        catch (SocketException e)
        {
            // Anything but a refusal, such as a full backlog or a missing right, means that it may well be alive.
            return e.SocketErrorCode != SocketError.ConnectionRefused;
        }
    }

    // Connecting to a plain file is refused like a stale socket is, so a refusal alone must not delete anything.
    private static bool IsSocket(string path)
    {
        if (OperatingSystem.IsWindows())
        {
            return (File.GetAttributes(path) & FileAttributes.ReparsePoint) != 0;
        }

        try
        {
            // For reading and writing, as a FIFO opened for one of them waits for the other.
            using var opened = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
            return false;
        }
        catch (IOException e)
        {
            return e.HResult is LinuxNotOpenable or MacOSNotOpenable;
        }
        catch (UnauthorizedAccessException)
        {
            return false;
        }
    }
}
