namespace Compare.Data;

/// <summary>One line of the text, as it travels in the JSON run.</summary>
/// <param name="Index">Counted from zero.</param>
/// <param name="Total">How many lines there are.</param>
/// <param name="Text">The line.</param>
/// <param name="Sha256">SHA-256 of the text's UTF-8 bytes; base64 in JSON.</param>
internal sealed record JsonLine(int Index, int Total, string Text, byte[] Sha256);
