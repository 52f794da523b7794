using System.Buffers;
using System.Text;
using System.Text.Json;
using Transports.Tests.Framing;

namespace Transports.Tests.Serialization;

public sealed class JsonMessageSerializerTests
{
    private static readonly JsonMessageSerializer<Order> Orders = new(ShopContext.Default.Order);

    [Fact]
    public void Serialize_Value_IsWhatJsonSerializerWrites()
    {
        var order = new Order(7, "tea \u00e9 \"x\"", ["a", "b"]);
        var output = new ArrayBufferWriter<byte>();

        Orders.Serialize(order, output);

        Encoding.UTF8.GetString(output.WrittenSpan).Should().Be(JsonSerializer.Serialize(order, ShopContext.Default.Order));
        Orders.Kind.Should().Be(MessageKind.Text);
    }

    [Fact]
    public void Serialize_ContractsOfDifferentOptionsByTurns_EachKeepsItsOwn()
    {
        var order = new Order(7, "tea");
        var indented = new JsonMessageSerializer<Order>(IndentedShopContext.Default.Order);
        for (var i = 0; i < 3; i++)
        {
            var output = new ArrayBufferWriter<byte>();
            Orders.Serialize(order, output);
            output.Write("|"u8);
            indented.Serialize(order, output);

            Encoding.UTF8.GetString(output.WrittenSpan).Should().Be(
                JsonSerializer.Serialize(order, ShopContext.Default.Order) + "|" + JsonSerializer.Serialize(order, IndentedShopContext.Default.Order));
        }
    }

    [Theory]
    [InlineData(new int[0])]
    [InlineData(new[] { 1, 5, 9 })]
    public void Deserialize_InOnePieceOrMore_GivesTheValue(int[] splits)
    {
        var bytes = """ {"Number":7,"Item":"tea","Notes":["a"]} """u8.ToArray();
        var order = Orders.Deserialize(FramingHarness.Segments(bytes, splits));
        order.Should().BeEquivalentTo(new Order(7, "tea", ["a"]));
    }

    [Theory]
    [InlineData("", new int[0])]
    [InlineData("", new[] { 1 })]
    [InlineData("{", new int[0])]
    [InlineData("{", new[] { 1 })]
    [InlineData("{\"Number\":\"x\"}", new int[0])]
    [InlineData("{\"Number\":\"x\"}", new[] { 3 })]
    [InlineData("{\"Number\":1} {}", new int[0])]
    [InlineData("{\"Number\":1} {}", new[] { 3 })]
    [InlineData("{\"Number\":1,}", new int[0])]
    [InlineData("{\"Number\":1,}", new[] { 3 })]
    [InlineData("\0\u0001", new int[0])]
    public void Deserialize_NotAValue_ThrowsAlikeInOnePieceOrMore(string text, int[] splits)
    {
        var read = () => Orders.Deserialize(FramingHarness.Segments(Encoding.UTF8.GetBytes(text), splits));
        read.Should().Throw<JsonException>();
    }

    [Fact]
    public void Deserialize_OptionsOfTheContract_HoldInPieces()
    {
        var serializer = new JsonMessageSerializer<Order>(IndentedShopContext.Default.Order);
        var order = serializer.Deserialize(FramingHarness.Segments("""{"number":7,"item":"tea",}"""u8.ToArray(), [4, 8]));
        order.Number.Should().Be(7);
    }

    [Fact]
    public void Serialize_SteadyState_AllocatesNothing()
    {
        var order = new Order(7, "tea");
        var output = new ArrayBufferWriter<byte>(1000);
        Orders.Serialize(order, output);

        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 100; i++)
        {
            output.ResetWrittenCount();
            Orders.Serialize(order, output);
        }

        (GC.GetAllocatedBytesForCurrentThread() - before).Should().Be(0);
    }

    [Fact]
    public void Serialize_OutputThatThrows_LeavesTheNextIntact()
    {
        var write = () => Orders.Serialize(new Order(1, "x"), new FullWriter());
        write.Should().Throw<IOException>();

        var output = new ArrayBufferWriter<byte>();
        Orders.Serialize(new Order(2, "y"), output);
        Orders.Deserialize(new ReadOnlySequence<byte>(output.WrittenMemory)).Should().Be(new Order(2, "y"));
    }

    private sealed class FullWriter : IBufferWriter<byte>
    {
        public void Advance(int count)
        {
        }

        public Memory<byte> GetMemory(int sizeHint = 0) => throw new IOException("full");

        public Span<byte> GetSpan(int sizeHint = 0) => throw new IOException("full");
    }
}
