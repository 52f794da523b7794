using System.Buffers;
using System.Diagnostics;
using System.Globalization;
using System.Numerics;
using System.Runtime.CompilerServices;

namespace Transports.Testing;

/// <summary>A buffer pool for tests: knows every array it has lent, and makes wrong use of one show.</summary>
/// <remarks>
/// <para>An array that comes back is overwritten with <see cref="Fill"/> and never lent again, so that reading a returned
/// buffer shows bytes that no test sends. The last ones returned are kept a while, so that a write into one shows too.</para>
/// <para>An array that a channel leaves to the collector, because a message in it is still lent, is counted in
/// <see cref="Abandoned"/> and keeps its bytes. It is no leak; returning it later is an error.</para>
/// <para>Arrays are longer than asked for, as those of any pool. Thread-safe.</para>
/// </remarks>
public sealed class LeakTrackingArrayPool : ArrayPool<byte>, IBufferPoolObserver
{
    /// <summary>What returned arrays are overwritten with.</summary>
    public const byte Fill = 0xDD;

    // Enough to see a read that was still in progress when its buffer was given back; bounded, so that a long test's memory is.
    private const int QuarantineLength = 64;
    private const int MinArray = 16;

    private readonly Lock _gate = new();
    private readonly Dictionary<byte[], StackTrace?> _lent = new(ReferenceEqualityComparer.Instance);
    private readonly ConditionalWeakTable<byte[], object> _returned = [];
    private readonly ConditionalWeakTable<byte[], object> _abandoned = [];
    private readonly Queue<byte[]> _quarantine = new();
    private readonly List<string> _errors = [];
    private readonly bool _captureStacks;
    private long _rented;
    private long _abandonedCount;
    private long _outstandingBytes;
    private long _peakOutstandingBytes;

    /// <summary>An empty pool.</summary>
    /// <param name="captureStacks">Whether to remember who rented each array, which costs some 20 µs a rent.</param>
    public LeakTrackingArrayPool(bool captureStacks = false) => _captureStacks = captureStacks;

    /// <summary>How many arrays are lent now.</summary>
    public int Outstanding
    {
        get
        {
            lock (_gate)
            {
                return _lent.Count;
            }
        }
    }

    /// <summary>How many bytes are lent now.</summary>
    public long OutstandingBytes => Interlocked.Read(ref _outstandingBytes);

    /// <summary>The most bytes that were lent at one time.</summary>
    public long PeakOutstandingBytes => Interlocked.Read(ref _peakOutstandingBytes);

    /// <summary>How many arrays were lent in all.</summary>
    public long Rented => Interlocked.Read(ref _rented);

    /// <summary>How many arrays were left to the collector, because a message in them was still lent when its channel was disposed.</summary>
    public long Abandoned => Interlocked.Read(ref _abandonedCount);

    /// <inheritdoc/>
    public override byte[] Rent(int minimumLength)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(minimumLength);
        var length = minimumLength > 1 << 30 ? minimumLength : (int)BitOperations.RoundUpToPowerOf2((uint)Math.Max(minimumLength, MinArray));
        var array = GC.AllocateUninitializedArray<byte>(length);
        var stack = _captureStacks ? new StackTrace(1, fNeedFileInfo: false) : null;
        lock (_gate)
        {
            _lent.Add(array, stack);
            _rented++;
            _outstandingBytes += length;
            _peakOutstandingBytes = Math.Max(_peakOutstandingBytes, _outstandingBytes);
        }

        return array;
    }

    /// <inheritdoc/>
    public override void Return(byte[] array, bool clearArray = false)
    {
        ArgumentNullException.ThrowIfNull(array);
        lock (_gate)
        {
            if (!_lent.Remove(array))
            {
                AddMisuse(array, "returned", "was returned twice");
                return;
            }

            _outstandingBytes -= array.Length;
            array.AsSpan().Fill(Fill);
            _returned.Add(array, array.Length);
            _quarantine.Enqueue(array);
            if (_quarantine.Count > QuarantineLength)
            {
                Inspect(_quarantine.Dequeue());
            }
        }
    }

    /// <inheritdoc/>
    public void Abandon(byte[] array)
    {
        ArgumentNullException.ThrowIfNull(array);
        lock (_gate)
        {
            if (!_lent.Remove(array))
            {
                AddMisuse(array, "abandoned", "was abandoned after its return");
                return;
            }

            // Not filled: the whole point is that its reader goes on seeing its message.
            _outstandingBytes -= array.Length;
            _abandonedCount++;
            _abandoned.Add(array, array.Length);
        }
    }

    /// <summary>
    /// What went wrong so far: arrays still lent, returned twice, returned or abandoned after they were abandoned, returned to
    /// the wrong pool, or written to after their return.
    /// </summary>
    /// <returns>A description of each; empty when all is well.</returns>
    public IReadOnlyList<string> FindErrors()
    {
        lock (_gate)
        {
            foreach (var array in _quarantine)
            {
                Inspect(array);
            }

            _quarantine.Clear();
            return [.. _errors, .. _lent.Select(Describe)];
        }
    }

    /// <summary>Waits until every array has come back or was abandoned, and fails the test when one does not, or when one was used wrongly.</summary>
    /// <param name="patience">How long to wait: connections give their buffers back in the background. By default 10 seconds.</param>
    public async Task AssertNoLeaksAsync(TimeSpan? patience = null)
    {
        await Eventually.TrueOrTimeoutAsync(() => Outstanding == 0, patience ?? TimeSpan.FromSeconds(10)).ConfigureAwait(false);
        var errors = FindErrors();
        if (errors.Count > 0)
        {
            Assert.Fail(string.Create(
                CultureInfo.InvariantCulture,
                $"The buffer pool found {errors.Count} errors:{Environment.NewLine}{string.Join(Environment.NewLine, errors.Take(10))}"));
        }
    }

    private void AddMisuse(byte[] array, string verb, string whenReturned)
    {
        var what = _abandoned.TryGetValue(array, out _) ? $"was {verb} after it was abandoned"
            : _returned.TryGetValue(array, out _) ? whenReturned
            : $"was {verb} but not rented here";
        _errors.Add($"An array of {array.Length} bytes {what}.{Environment.NewLine}{new StackTrace(2, fNeedFileInfo: false)}");
    }

    private static string Describe(KeyValuePair<byte[], StackTrace?> lent)
    {
        var who = lent.Value is { } stack
            ? $"{Environment.NewLine}{stack}"
            : " Set TRANSPORTS_LEAK_STACKS=1 to see who rented it.";
        return $"An array of {lent.Key.Length} bytes was never returned.{who}";
    }

    private void Inspect(byte[] array)
    {
        var index = array.AsSpan().IndexOfAnyExcept(Fill);
        if (index >= 0)
        {
            _errors.Add($"An array of {array.Length} bytes was written to after its return, at offset {index}.");
        }
    }
}
