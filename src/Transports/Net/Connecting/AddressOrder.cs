using System.Net;

namespace Transports.Engine;

/// <summary>The order in which a name's addresses are tried.</summary>
internal static class AddressOrder
{
    /// <summary>Alternates the families, the resolver's first choice first (RFC 8305, section 4, with a First Address Family Count of 1).</summary>
    public static IReadOnlyList<IPAddress> Interleave(IReadOnlyList<IPAddress> addresses)
    {
        if (addresses.Count < 2)
        {
            return addresses;
        }

        var family = addresses[0].AddressFamily;
        var first = new Queue<IPAddress>(addresses.Where(address => address.AddressFamily == family).Distinct());
        var other = new Queue<IPAddress>(addresses.Where(address => address.AddressFamily != family).Distinct());
        var ordered = new List<IPAddress>(addresses.Count);
        while (first.Count > 0 || other.Count > 0)
        {
            if (first.TryDequeue(out var one))
            {
                ordered.Add(one);
            }

            if (other.TryDequeue(out var two))
            {
                ordered.Add(two);
            }
        }

        return ordered;
    }
}
