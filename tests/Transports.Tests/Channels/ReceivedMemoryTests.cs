using System.Runtime.CompilerServices;

namespace Transports.Tests.Channels;

public class ReceivedMemoryTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Receive_WaitingForTheNextMessage_KeepsNothingOfTheLast(bool lookOnly)
    {
        // An idle channel's buffer goes back to its pool; one that the pool does not want is to be collected.
        await using var channel = new OneMessageChannel();
        var last = ReceiveOne(channel);

        Task waiting = lookOnly ? channel.WaitToReceiveAsync(Ct).AsTask() : channel.ReceiveAsync(Ct).AsTask();
        await channel.Waiting;
        GC.Collect();

        last.IsAlive.Should().BeFalse();
        waiting.IsCompleted.Should().BeFalse();
        channel.Abort();
        await Assert.ThrowsAsync<MessageChannelClosedException>(() => waiting);
    }

    // A method of its own: what it held on its stack is gone when it returns.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static WeakReference ReceiveOne(OneMessageChannel channel)
    {
        var memory = channel.Fill();
        channel.TryReceive(out var message).Should().BeTrue();
        message.Length.Should().Be(1);
        return memory;
    }

    private sealed class OneMessageChannel() : MessageChannelBase(new MessageChannelContext
    {
        TransportName = "test",
        Side = ChannelSide.Client,
        Characteristics = new ChannelCharacteristics { IsReliable = true, IsOrdered = true, SupportsHalfClose = false, IsEncrypted = false, MaxMessageSize = 100 },
        Options = new MessageChannelOptions(),
    })
    {
        private readonly TaskCompletionSource _waiting = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly TaskCompletionSource<bool> _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private byte[]? _next;

        public Task Waiting => _waiting.Task;

        [MethodImpl(MethodImplOptions.NoInlining)]
        public WeakReference Fill()
        {
            _next = new byte[1];
            return new WeakReference(_next);
        }

        protected override bool ReceiveCore(ref ReceivedMessages messages)
        {
            if (_next is null)
            {
                return false;
            }

            messages.Set(_next);
            _next = null;
            return true;
        }

        protected override ValueTask<bool> WaitToReceiveCoreAsync(CancellationToken cancellationToken)
        {
            _waiting.TrySetResult();
            return new ValueTask<bool>(_ended.Task);
        }

        protected override ValueTask SendCoreAsync(in Message message, CancellationToken cancellationToken) => ValueTask.CompletedTask;

        protected override bool TrySendCore(in Message message) => true;

        protected override ValueTask SendBatchCoreAsync(ReadOnlyMemory<Message> batch, CancellationToken cancellationToken) => ValueTask.CompletedTask;

        protected override ValueTask FlushCoreAsync(CancellationToken cancellationToken) => ValueTask.CompletedTask;

        protected override ValueTask CloseCoreAsync(ChannelCloseInfo info, CancellationToken cancellationToken) => ValueTask.CompletedTask;

        protected override void AbortCore(ChannelCloseInfo info) => _ended.TrySetResult(false);

        protected override void OnClosing() => _ended.TrySetResult(false);
    }
}
