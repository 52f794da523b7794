using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Transports.Engine;

/// <summary>Which addresses were tried, what happened, and what to do about it.</summary>
internal sealed class ConnectReport
{
    public IReadOnlyList<EndPoint> Tried { get; set; } = [];

    public List<ConnectFailure> Failures { get; } = [];

    /// <summary>When every address failed.</summary>
    public string Explain()
    {
        var text = new StringBuilder();
        AppendFailures(text);
        return text.Append(Advise()).ToString();
    }

    /// <summary>When the time was over before one answered.</summary>
    public string ExplainSilence()
    {
        if (Tried.Count == 0)
        {
            return "Its name was not resolved in that time; check this machine's DNS.";
        }

        var text = new StringBuilder();
        AppendFailures(text);
        var silent = Tried.Where(endPoint => Failures.All(failure => !failure.EndPoint.Equals(endPoint)));
        text.Append(CultureInfo.InvariantCulture, $"No answer from {string.Join(", ", silent)}. ");
        return text.Append("Check that the server runs and that no firewall drops its packets, or raise ConnectTimeout.").ToString();
    }

    private void AppendFailures(StringBuilder text)
    {
        foreach (var (endPoint, error) in Failures)
        {
            text.Append(CultureInfo.InvariantCulture, $"{endPoint}: {error.Message.TrimEnd('.')}. ");
        }
    }

    private string Advise()
    {
        if (Failures[0].EndPoint is UnixDomainSocketEndPoint)
        {
            return "Check that the server runs, that the path is the one it listens on, and that this user may write to the socket file.";
        }

        return Failures.Any(static failure => failure.Error is SocketException { SocketErrorCode: SocketError.ConnectionRefused })
            ? "Nothing listens there: check that the server runs, that the port is right, and that it listens on an address reachable from here (localhost is not)."
            : "Check that the server runs and that the network lets it be reached.";
    }
}
