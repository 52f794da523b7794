using System.Diagnostics.Metrics;

namespace Transports;

/// <summary>The meter that every channel with <see cref="MessageChannelDecoratorExtensions.WithMetrics"/> reports to.</summary>
/// <remarks>
/// All instruments but the last carry the tags <c>transport</c> (such as <c>tcp</c>), <c>side</c> (<c>client</c> or <c>server</c>) and
/// <c>address</c> (the address connected or listened at, without user information and query). Those about messages add
/// <c>direction</c> (<c>send</c> or <c>receive</c>).
/// <list type="table">
/// <item><term><c>transports.channels.active</c></term><description>up-down counter, {channel}: channels that have not ended.</description></item>
/// <item><term><c>transports.messages</c></term><description>counter, {message}: messages taken for sending, or handed to the receiver.</description></item>
/// <item><term><c>transports.io</c></term><description>counter, By: their payloads' bytes.</description></item>
/// <item><term><c>transports.message.size</c></term><description>histogram, By: the size of each payload.</description></item>
/// <item><term><c>transports.send.wait</c></term><description>histogram, s: how long sends waited that found the buffer full.</description></item>
/// <item><term><c>transports.channel.errors</c></term><description>counter, {channel}: channels that ended other than Normal or GoingAway, by the tag <c>status</c>.</description></item>
/// <item><term><c>transports.channels.refused</c></term><description>counter, {channel}: channels that a <see cref="ConnectionGuard"/> did not let in, by the tag <c>reason</c> alone: a <see cref="ConnectionRefusalReason"/>.</description></item>
/// </list>
/// </remarks>
public static class TransportsInstrumentation
{
    /// <summary>The meter's name.</summary>
    public const string MeterName = "Transports";

    internal static Meter Meter { get; } = new(MeterName);

    internal static UpDownCounter<long> ActiveChannels { get; } =
        Meter.CreateUpDownCounter<long>("transports.channels.active", "{channel}", "Channels that have not ended.");

    internal static Counter<long> Messages { get; } =
        Meter.CreateCounter<long>("transports.messages", "{message}", "Messages sent and received.");

    internal static Counter<long> Bytes { get; } =
        Meter.CreateCounter<long>("transports.io", "By", "Bytes of payload sent and received.");

    internal static Histogram<long> MessageSize { get; } =
        Meter.CreateHistogram<long>("transports.message.size", "By", "The size of each payload.");

    internal static Histogram<double> SendWait { get; } =
        Meter.CreateHistogram<double>("transports.send.wait", "s", "How long sends waited for room in a full buffer.");

    internal static Counter<long> Errors { get; } =
        Meter.CreateCounter<long>("transports.channel.errors", "{channel}", "Channels that ended other than Normal or GoingAway.");

    internal static Counter<long> Refused { get; } =
        Meter.CreateCounter<long>("transports.channels.refused", "{channel}", "Channels that a guard did not let in.");

    internal static bool MeasuresMessages => Messages.Enabled || Bytes.Enabled || MessageSize.Enabled;
}
