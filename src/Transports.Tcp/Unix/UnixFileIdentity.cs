using System.Runtime.InteropServices;

namespace Transports.Tcp;

/// <summary>Which file stands at a path: a later file at the same path has another identity while the first is still in use.</summary>
/// <remarks>Device and inode on Linux (statx(2), whose layout is the same on every machine); elsewhere the time of creation.</remarks>
internal readonly partial record struct UnixFileIdentity(ulong Device, ulong Inode, long Created)
{
    private const int CurrentDirectory = -100;
    private const int NoFollow = 0x100;
    private const uint InodeWanted = 0x100;
    private const int StatxSize = 256;
    private const int InodeOffset = 32;
    private const int DeviceOffset = 136;

    /// <summary>The identity of the file at a path; <see langword="null"/> when there is none, or it may not be looked at.</summary>
    public static UnixFileIdentity? Of(string path)
    {
        if (OperatingSystem.IsLinux())
        {
            Span<byte> found = stackalloc byte[StatxSize];
            try
            {
                if (StatX(CurrentDirectory, path, NoFollow, InodeWanted, ref MemoryMarshal.GetReference(found)) != 0)
                {
                    return null;
                }

                // Two words of 32 bits, major and minor, in the machine's order: enough to be compared.
                return new UnixFileIdentity(BitConverter.ToUInt64(found[DeviceOffset..]), BitConverter.ToUInt64(found[InodeOffset..]), 0);
            }
            catch (EntryPointNotFoundException)
            {
                // A C library from before 2018.
            }
        }

        return File.Exists(path) ? new UnixFileIdentity(0, 0, File.GetCreationTimeUtc(path).Ticks) : null;
    }

    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int StatX(int directory, string path, int flags, uint mask, ref byte found);
}
