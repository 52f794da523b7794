namespace Compare.Data;

/// <summary>Checks that the lines that arrive are the lines that were sent: whole, each once, and in order where the transport promises that.</summary>
/// <param name="text">What was sent.</param>
/// <param name="reliable">All must arrive. Otherwise what arrives must be right, and something must.</param>
/// <param name="ordered">They must arrive in order.</param>
internal sealed class LineCheck(SampleText text, bool reliable, bool ordered)
{
    private readonly bool[] _seen = new bool[text.Lines.Count];
    private int _count;
    private int _last = -1;

    /// <summary>Every line has arrived.</summary>
    public bool IsComplete => _count == _seen.Length;

    /// <summary>Checks one line.</summary>
    /// <param name="index">The number it carries.</param>
    /// <param name="total">The number of lines it speaks of.</param>
    /// <param name="line">Its text.</param>
    /// <param name="hash">The hash it carries.</param>
    /// <exception cref="VerificationException">It is not what was sent.</exception>
    public void Add(int index, int total, string line, ReadOnlySpan<byte> hash)
    {
        if (total != _seen.Length || (uint)index >= (uint)total)
        {
            throw new VerificationException($"A line says it is number {index} of {total}, but {_seen.Length} were sent.");
        }

        if (line != text.Lines[index] || !hash.SequenceEqual(SampleText.Hash(line)))
        {
            throw new VerificationException($"Line {index} arrived changed.");
        }

        if (_seen[index])
        {
            throw new VerificationException($"Line {index} arrived twice.");
        }

        if (ordered && index < _last)
        {
            throw new VerificationException($"Line {index} arrived after line {_last}.");
        }

        _seen[index] = true;
        _last = index;
        _count++;
    }

    /// <summary>Checks that enough has arrived.</summary>
    /// <exception cref="VerificationException">It has not.</exception>
    public void Finish()
    {
        if (reliable ? !IsComplete : _count == 0)
        {
            throw new VerificationException($"Only {_count} of {_seen.Length} lines arrived.");
        }
    }
}
