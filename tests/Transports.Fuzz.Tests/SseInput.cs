using System.Text;

namespace Transports.Fuzz.Tests;

/// <summary>Event streams of the HTML standard, section 9.2, and this library's own event types.</summary>
internal static class SseInput
{
    private static readonly string[] Lines = ["data", "data:", "data: ", "data: text", "id: 1", "id", "id: \0", "retry: 100", "retry: x", "event: binary", "event: text-base64", "event: close", "event: session", "event: other", ": comment", ":", "unknown: x", "data: Normal bye", "data: AAECAw==", "data: AAEC*w=="];

    private static readonly string[] Ends = ["\n", "\n", "\n", "\r\n", "\r"];

    public static byte[] Create(Random random)
    {
        var output = new List<byte>();
        if (random.Next(6) == 0)
        {
            output.AddRange([0xEF, 0xBB, 0xBF]);
        }

        var end = Ends[random.Next(Ends.Length)];
        for (var i = random.Next(1, 9); i > 0; i--)
        {
            for (var k = random.Next(1, 5); k > 0; k--)
            {
                switch (random.Next(6))
                {
                    case 0:
                        output.AddRange(Encoding.ASCII.GetBytes("data: " + Convert.ToBase64String(Bytes.Some(random))));
                        break;
                    case 1:
                        output.AddRange([.. "data: "u8, .. Bytes.Some(random)]);
                        break;
                    default:
                        output.AddRange(Encoding.UTF8.GetBytes(Lines[random.Next(Lines.Length)]));
                        break;
                }

                output.AddRange(Encoding.ASCII.GetBytes(random.Next(10) == 0 ? Ends[random.Next(Ends.Length)] : end));
            }

            output.AddRange(Encoding.ASCII.GetBytes(end));
        }

        return [.. output];
    }
}
