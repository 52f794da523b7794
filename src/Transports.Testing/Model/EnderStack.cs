namespace Transports.Testing;

/// <summary>Marks a thread that is inside Abort, CloseAsync or DisposeAsync, so that a waiting caller's code that runs there shows.</summary>
internal static class EnderStack
{
    [ThreadStatic]
    private static string? s_inside;

    /// <summary>The call that the current thread is inside of.</summary>
    public static string? Inside => s_inside;

    public static void Enter(string call) => s_inside = call;

    public static void Leave() => s_inside = null;
}
