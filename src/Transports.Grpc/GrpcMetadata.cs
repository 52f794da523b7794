using System.Collections;
using System.Diagnostics.CodeAnalysis;

namespace Transports;

/// <summary>
/// Keys and values that travel beside a call's messages, as HTTP/2 headers or trailers (PROTOCOL-HTTP2.md, "Custom-Metadata").
/// A key may occur several times. Not thread-safe.
/// </summary>
public sealed class GrpcMetadata : IReadOnlyCollection<GrpcMetadataEntry>
{
    private const string BinarySuffix = "-bin";

    private readonly List<GrpcMetadataEntry> _entries = [];

    /// <inheritdoc/>
    public int Count => _entries.Count;

    /// <summary>Adds a text entry.</summary>
    /// <param name="key">The key: letters, digits, <c>-</c>, <c>_</c> and <c>.</c>; put into lower case. Not one that ends with <c>-bin</c>, begins with <c>grpc-</c> (but for <c>grpc-retry-pushback-ms</c> and <c>grpc-previous-rpc-attempts</c>) or belongs to HTTP or the protocol.</param>
    /// <param name="value">The value: printable ASCII and spaces, with none at the ends.</param>
    /// <exception cref="ArgumentException">The key or the value is not allowed; the message says why.</exception>
    public void Add(string key, string value)
    {
        ArgumentNullException.ThrowIfNull(value);
        key = CheckKey(key);
        if (key.EndsWith(BinarySuffix, StringComparison.Ordinal))
        {
            throw new ArgumentException($"'{key}' ends with -bin, so its value is bytes. Use the overload that takes them.", nameof(key));
        }

        if (value.AsSpan().ContainsAnyExceptInRange(' ', '~') || value.StartsWith(' ') || value.EndsWith(' '))
        {
            throw new ArgumentException($"The value of '{key}' is not printable ASCII without spaces at its ends. Send it as bytes, under a key that ends with -bin.", nameof(value));
        }

        _entries.Add(new GrpcMetadataEntry(key, value, default));
    }

    /// <summary>Adds a binary entry.</summary>
    /// <param name="key">
    /// The key, as for text, but ending with <c>-bin</c>. <c>grpc-status-details-bin</c> is allowed: among a server's trailers, its value is a
    /// serialized <c>google.rpc.Status</c> with the same code and message as the call's status, gRPC's richer error model. So are <c>grpc-trace-bin</c> and <c>grpc-tags-bin</c>.
    /// </param>
    /// <param name="value">The value; not copied.</param>
    /// <exception cref="ArgumentException">The key is not allowed; the message says why.</exception>
    public void Add(string key, ReadOnlyMemory<byte> value)
    {
        key = CheckKey(key);
        if (!key.EndsWith(BinarySuffix, StringComparison.Ordinal))
        {
            throw new ArgumentException($"'{key}' does not end with -bin, which tells the peer that the value is bytes. Add -bin, or use the overload that takes text.", nameof(key));
        }

        _entries.Add(new GrpcMetadataEntry(key, null, value));
    }

    /// <summary>The first text value of a key.</summary>
    /// <param name="key">The key; its case does not matter.</param>
    /// <returns>The value, or <see langword="null"/> where there is none.</returns>
    public string? GetValue(string key)
    {
        foreach (var entry in _entries)
        {
            if (entry.Value is not null && entry.Key.Equals(key, StringComparison.OrdinalIgnoreCase))
            {
                return entry.Value;
            }
        }

        return null;
    }

    /// <summary>The first binary value of a key.</summary>
    /// <param name="key">The key, with its <c>-bin</c>; its case does not matter.</param>
    /// <param name="value">The value.</param>
    /// <returns><see langword="false"/> where there is none.</returns>
    public bool TryGetBinaryValue(string key, out ReadOnlyMemory<byte> value)
    {
        foreach (var entry in _entries)
        {
            if (entry.Value is null && entry.Key.Equals(key, StringComparison.OrdinalIgnoreCase))
            {
                value = entry.BinaryValue;
                return true;
            }
        }

        value = default;
        return false;
    }

    /// <inheritdoc/>
    public IEnumerator<GrpcMetadataEntry> GetEnumerator() => _entries.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>The header value of an entry. Binary ones go without padding, as senders should.</summary>
    internal static string Encode(in GrpcMetadataEntry entry)
        => entry.Value ?? Convert.ToBase64String(entry.BinaryValue.Span).TrimEnd('=');

    /// <summary>Takes a header that came from the peer; reserved ones and broken base64 are left out.</summary>
    internal void AddReceived(string key, string? value)
    {
        if (value is null || IsReserved(key))
        {
            return;
        }

        // HTTP/1.1 callers of gRPC-Web write header names in any case.
        key = key.ToLowerInvariant();
        if (!key.EndsWith(BinarySuffix, StringComparison.Ordinal))
        {
            _entries.Add(new GrpcMetadataEntry(key, value, default));
            return;
        }

        // Several binary values may be joined with commas, each with padding or without.
        foreach (var part in value.Split(','))
        {
            if (TryDecode(part.Trim(), out var bytes))
            {
                _entries.Add(new GrpcMetadataEntry(key, null, bytes));
            }
        }
    }

    internal void AddRange(GrpcMetadata other) => _entries.AddRange(other._entries);

    private static bool TryDecode(string text, [NotNullWhen(true)] out byte[]? bytes)
    {
        var unpadded = text.TrimEnd('=');
        var padded = unpadded.PadRight((unpadded.Length + 3) / 4 * 4, '=');
        bytes = new byte[padded.Length / 4 * 3];
        if (!Convert.TryFromBase64String(padded, bytes, out var count))
        {
            bytes = null;
            return false;
        }

        Array.Resize(ref bytes, count);
        return true;
    }

    private static string CheckKey(string key)
    {
        ArgumentException.ThrowIfNullOrEmpty(key);
        foreach (var c in key)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c is not ('-' or '_' or '.'))
            {
                throw new ArgumentException($"'{key}' is not a metadata key: letters, digits, '-', '_' and '.' are allowed.", nameof(key));
            }
        }

        return IsReserved(key)
            ? throw new ArgumentException($"'{key}' belongs to the protocol. Choose a key that does not begin with grpc- and is not a header of HTTP.", nameof(key))
            : key.ToLowerInvariant();
    }

    // Of gRPC's own names, those that applications and their libraries read and write, and the protocol carries only.
    private static bool IsForApplications(string key)
        => key.ToLowerInvariant() is "grpc-status-details-bin" or "grpc-retry-pushback-ms" or "grpc-previous-rpc-attempts" or "grpc-trace-bin" or "grpc-tags-bin";

    private static bool IsReserved(string key)
        => key.StartsWith(':')
        || (key.StartsWith("grpc-", StringComparison.OrdinalIgnoreCase) && !IsForApplications(key))
        || key.Equals(CloseStatusMap.CloseStatusTrailer, StringComparison.OrdinalIgnoreCase)
        || key.ToLowerInvariant() is "te" or "content-type" or "content-length" or "host" or "connection" or "keep-alive" or "transfer-encoding" or "upgrade" or "trailer";
}
