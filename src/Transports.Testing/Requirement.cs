using System.Diagnostics.CodeAnalysis;

namespace Transports.Testing;

/// <summary>
/// Skips a test that needs what the machine may lack, with the reason; or fails it where the environment variable
/// <c>TRANSPORTS_REQUIRE</c> says that the machine must have it.
/// </summary>
/// <remarks>The variable is a list of names separated by commas, such as <c>quic,node,chromium</c>. Case does not matter.</remarks>
public static class Requirement
{
    /// <summary>The environment variable's name.</summary>
    public const string Variable = "TRANSPORTS_REQUIRE";

    /// <summary>Whether the variable lists the name.</summary>
    /// <param name="name">What may be missing, such as <c>quic</c>.</param>
    public static bool IsRequired(string name) => IsListed(Environment.GetEnvironmentVariable(Variable), name);

    /// <summary>Goes on when the condition holds; otherwise skips the test, or fails it where the name is required.</summary>
    /// <param name="available">Whether the machine has it.</param>
    /// <param name="name">What may be missing: the word to put into the variable.</param>
    /// <param name="reason">What is missing and how to get it.</param>
    public static void SkipUnless([DoesNotReturnIf(false)] bool available, string name, string reason)
    {
        if (!available)
        {
            ReportMissing(name, reason);
        }
    }

    /// <summary>Skips the test, or fails it where the name is required.</summary>
    /// <param name="name">What is missing: the word to put into the variable.</param>
    /// <param name="reason">What is missing and how to get it.</param>
    [DoesNotReturn]
    public static void ReportMissing(string name, string reason)
    {
        if (IsRequired(name))
        {
            Assert.Fail($"{Variable} requires '{name}', and this machine lacks it. {reason}");
        }

        Assert.Skip($"{reason} (Set {Variable}={name} to make this a failure.)");
    }

    internal static bool IsListed(string? list, string name)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        return (list ?? "")
            .Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .Contains(name, StringComparer.OrdinalIgnoreCase);
    }
}
