namespace Transports.WebSockets.Tests;

public sealed class WebSocketMaskTests
{
    [Fact]
    public void Apply_AnyLength_CombinesEachByteWithTheKeysByteInTurn()
    {
        byte[] key = [0x37, 0xFA, 0x21, 0x3D];
        for (var length = 0; length < 300; length++)
        {
            var payload = Enumerable.Range(0, length).Select(static i => (byte)i).ToArray();
            var expected = payload.Select((b, i) => (byte)(b ^ key[i % 4])).ToArray();
            Mask.Apply(payload, BitConverter.ToUInt32(key));
            payload.Should().Equal(expected);
        }
    }
}
