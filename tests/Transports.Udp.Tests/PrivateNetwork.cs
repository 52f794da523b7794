using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;

namespace Transports.Udp.Tests;

/// <summary>Opens sockets inside a network namespace of their own, which lives as long as they do.</summary>
internal static partial class PrivateNetwork
{
    private const int NewNetwork = 0x40000000;

    /// <summary>Skips the test where namespaces cannot be made.</summary>
    public static Task RequireAsync() => NetworkNamespace.RequireAsync();

    /// <summary>Opens sockets there.</summary>
    /// <param name="setUp">A shell command that sets the namespace up.</param>
    /// <param name="open">Opens them on the thread it is called on: a socket belongs to the namespace of the thread that makes it.</param>
    public static T Open<T>(string setUp, Func<T> open)
    {
        T? opened = default;
        ExceptionDispatchInfo? failure = null;

        // The namespace is the thread's, so the thread must be nobody else's.
        var thread = new Thread(() =>
        {
            try
            {
                if (Unshare(NewNetwork) != 0)
                {
                    throw new Win32Exception(Marshal.GetLastPInvokeError());
                }

                using var process = Process.Start("sh", ["-e", "-c", setUp]);
                process.WaitForExit();
                process.ExitCode.Should().Be(0);
                opened = open();
            }
            catch (Exception e)
            {
                failure = ExceptionDispatchInfo.Capture(e);
            }
        });
        thread.Start();
        thread.Join();
        failure?.Throw();
        return opened!;
    }

    [LibraryImport("libc", EntryPoint = "unshare", SetLastError = true)]
    private static partial int Unshare(int flags);
}
