using System.Globalization;

namespace Transports.Fuzz.Tests;

/// <summary>Gives one input to one target, cut in several ways, and looks for whatever must never happen.</summary>
internal static class FuzzRun
{
    public const int MaxMessageSize = 4096;

    // What a channel may hold for its largest message: buffers that grow by doubling are held twice while they are copied, and what is
    // inflated or joined lies beside what was read.
    private const long MemoryBound = 16 * MaxMessageSize;

    private static readonly TimeSpan Hangs = TimeSpan.FromSeconds(30);

    /// <summary>Checks an input.</summary>
    /// <returns>What was wrong with the channel, or <see langword="null"/>.</returns>
    public static async Task<string?> CheckAsync(FuzzTarget target, byte[] input, int seed)
    {
        var random = new Random(seed);
        FuzzOutcome? whole = null;
        foreach (var (name, pieceAt) in new (string, Func<int, int>)[]
        {
            ("whole", static _ => int.MaxValue),
            ("one byte at a time", static _ => 1),
            ("in small pieces", _ => random.Next(1, 9)),
            ("in two", at => at == 0 && input.Length > 1 ? 1 + (seed % (input.Length - 1)) : int.MaxValue),
        })
        {
            var (outcome, error) = await RunAsync(target, input, pieceAt);
            if (error is not null)
            {
                return $"{name}: {error}";
            }

            whole ??= outcome;
            if (!whole!.IsSameAs(outcome!))
            {
                return $"whole it gives {whole}; {name} it gives {outcome}";
            }
        }

        return null;
    }

    private static async Task<(FuzzOutcome? Outcome, string? Error)> RunAsync(FuzzTarget target, byte[] input, Func<int, int> pieceAt)
    {
        var pool = new LeakTrackingArrayPool();
        var messages = new List<(MessageKind, byte[])>();
        string end;
        await using (var channel = target.Open(
            new FedConnection(input, pieceAt),
            new MessageChannelOptions { MaxMessageSize = MaxMessageSize, ReceiveBufferSize = 1024, SendBufferSize = 1024, BufferPool = pool, CloseTimeout = TimeSpan.FromSeconds(5) }))
        {
            try
            {
                while (await channel.ReceiveAsync().AsTask().WaitAsync(Hangs) is { } message)
                {
                    if (message.Length > MaxMessageSize)
                    {
                        return (null, string.Create(CultureInfo.InvariantCulture, $"a message of {message.Length} bytes was received, over the limit of {MaxMessageSize}"));
                    }

                    messages.Add((message.Kind, message.ToArray()));
                }

                end = "null";
            }
            catch (MessageChannelClosedException e)
            {
                end = $"closed as {e.CloseInfo.Status}";
            }
            catch (Exception e) when (e is MessageFramingException or MessageTooLargeException)
            {
                end = e.GetType().Name;
            }
            catch (TimeoutException)
            {
                return (null, "a receive never ends, though the peer has finished");
            }
            catch (Exception e)
            {
                return (null, $"a receive threw what no peer may cause: {e}");
            }
        }

        if (pool.PeakOutstandingBytes > MemoryBound)
        {
            return (null, string.Create(CultureInfo.InvariantCulture, $"the channel held {pool.PeakOutstandingBytes} bytes; the bound is {MemoryBound}"));
        }

        for (var i = 0; i < 2000 && pool.Outstanding > 0; i++)
        {
            // Connections give their buffers back in the background.
            await Task.Delay(5);
        }

        var errors = pool.FindErrors();
        return errors.Count > 0 ? (null, errors[0]) : (new FuzzOutcome(messages, end), null);
    }
}
