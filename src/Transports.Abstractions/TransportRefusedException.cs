namespace Transports;

/// <summary>The peer answered, and refused: it can be reached, but does not open the channel, or does not take what it was sent.</summary>
/// <remarks>The members say what the answer said, so that a program can log in, wait or go elsewhere without reading the message.</remarks>
public class TransportRefusedException : TransportException
{
    /// <summary>An exception with a message and, where there is one, a cause.</summary>
    /// <param name="message">What was refused and what to do.</param>
    /// <param name="innerException">The cause.</param>
    public TransportRefusedException(string message, Exception? innerException = null)
        : base(message, innerException)
    {
    }

    /// <summary>The HTTP status of the answer, such as 401 or 503; <see langword="null"/> where the protocol has none.</summary>
    public int? StatusCode { get; init; }

    /// <summary>Where the answer points to (<c>Location</c>), made absolute; <see langword="null"/> when it points nowhere. It comes from the peer: check it before going there.</summary>
    public Uri? Location { get; init; }

    /// <summary>How long the answer asks to wait before trying again (<c>Retry-After</c>), from when it came; never negative. <see langword="null"/> when it does not say.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>How the answer asks the client to identify itself (<c>WWW-Authenticate</c>, RFC 9110, section 11.6.1), one entry a header line; empty when it does not.</summary>
    public IReadOnlyList<string> Challenges { get; init; } = [];

    /// <summary>
    /// What the peer says about it: the detail of its problem details (RFC 9457), or the beginning of another text, at most 500 characters;
    /// <see langword="null"/> when it says nothing readable. Untrusted, and not for end users.
    /// </summary>
    public string? Details { get; init; }
}
