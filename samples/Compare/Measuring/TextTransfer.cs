using Compare.Data;
using Google.Protobuf;
using Transports;

namespace Compare.Measuring;

/// <summary>Sends the text line by line through typed channels and checks what arrives.</summary>
internal static class TextTransfer
{
    // A transport that may lose messages is not waited for longer than this.
    private static readonly TimeSpan s_quiet = TimeSpan.FromMilliseconds(200);

    /// <summary>Sends the text as JSON.</summary>
    /// <param name="pair">The channel.</param>
    /// <param name="text">The text.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public static Task RunJsonAsync(ChannelPair pair, SampleText text, CancellationToken cancellationToken)
        => RunAsync(
            pair,
            text,
            pair.Client.WithJson(CompareJsonContext.Default.JsonLine),
            pair.Server.WithJson(CompareJsonContext.Default.JsonLine),
            (index, line) => new JsonLine(index, text.Lines.Count, line, SampleText.Hash(line)),
            static (check, line) => check.Add(line.Index, line.Total, line.Text, line.Sha256),
            cancellationToken);

    /// <summary>Sends the text as Protobuf.</summary>
    /// <param name="pair">The channel.</param>
    /// <param name="text">The text.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public static Task RunProtobufAsync(ChannelPair pair, SampleText text, CancellationToken cancellationToken)
        => RunAsync(
            pair,
            text,
            pair.Client.WithProtobuf<ProtoLine, ProtoLine>(),
            pair.Server.WithProtobuf<ProtoLine, ProtoLine>(),
            (index, line) => new ProtoLine
            {
                Index = index,
                Total = text.Lines.Count,
                Text = line,
                Sha256 = UnsafeByteOperations.UnsafeWrap(SampleText.Hash(line)),
            },
            static (check, line) => check.Add(line.Index, line.Total, line.Text, line.Sha256.Span),
            cancellationToken);

    private static async Task RunAsync<T>(
        ChannelPair pair,
        SampleText text,
        IMessageChannel<T, T> client,
        IMessageChannel<T, T> server,
        Func<int, string, T> make,
        Action<LineCheck, T> verify,
        CancellationToken cancellationToken)
    {
        var promised = pair.Client.Characteristics;
        var check = new LineCheck(text, promised.IsReliable, promised.IsOrdered);
        var sending = Task.Run(
            async () =>
            {
                for (var i = 0; i < text.Lines.Count; i++)
                {
                    await client.SendAsync(make(i, text.Lines[i]), cancellationToken);
                }

                await client.FlushAsync(cancellationToken);
            },
            cancellationToken);
        using var waiting = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        try
        {
            while (!check.IsComplete)
            {
                if (!promised.IsReliable)
                {
                    waiting.CancelAfter(s_quiet);
                }

                if (!(await server.ReceiveAsync(waiting.Token)).TryGetValue(out var line))
                {
                    break;
                }

                verify(check, line);
            }
        }
        catch (OperationCanceledException) when (!promised.IsReliable && !cancellationToken.IsCancellationRequested)
        {
            // What has not come by now was lost.
        }

        await sending;
        check.Finish();
    }
}
