using System.Globalization;

namespace Transports.Fuzz.Tests;

/// <summary>
/// Every decoder gets inputs that are nearly right, each cut in several ways: no exception but those of the contract, no message over the
/// limit, no memory beyond the bound or not given back, no receive that hangs, and the same messages and end however the bytes were cut.
/// </summary>
/// <remarks>
/// <c>TRANSPORTS_FUZZ_INPUTS=1000000</c> tries more, <c>TRANSPORTS_FUZZ_SEED=4711</c> begins there. An input that fails belongs into Corpus, in the
/// folder of its target, as the digits that the failure prints.
/// </remarks>
public sealed class FuzzTests
{
    private const int DefaultInputs = 150;

    public static TheoryData<string> Targets => [.. FuzzTargets.All.Select(static target => target.Name)];

    [Theory]
    [MemberData(nameof(Targets))]
    public async Task Receive_AnyBytes_NeverMoreThanTheContractAllows(string name)
    {
        var target = Find(name);
        var first = Number("TRANSPORTS_FUZZ_SEED") ?? 1;
        for (var seed = first; seed < first + (Number("TRANSPORTS_FUZZ_INPUTS") ?? DefaultInputs); seed++)
        {
            var random = new Random(seed);
            await CheckAsync(target, Bytes.Spoil(random, target.Create(random)), seed, $"seed {seed}");
        }
    }

    [Theory]
    [MemberData(nameof(Targets))]
    public async Task Receive_InputOfTheCorpus_NeverMoreThanTheContractAllows(string name)
    {
        var target = Find(name);
        foreach (var (file, input) in Corpus.Of(name))
        {
            for (var seed = 0; seed < Math.Clamp(input.Length, 2, 20); seed++)
            {
                await CheckAsync(target, input, seed, file);
            }
        }
    }

    private static FuzzTarget Find(string name)
    {
        var target = FuzzTargets.All.Single(target => target.Name == name);
        Assert.SkipWhen(target.KnownFault is not null, target.KnownFault ?? "");
        return target;
    }

    private static async Task CheckAsync(FuzzTarget target, byte[] input, int seed, string where)
    {
        if (await FuzzRun.CheckAsync(target, input, seed) is { } wrong)
        {
            Assert.Fail($"{target.Name}, {where}: {wrong}{Environment.NewLine}Input: {Convert.ToHexString(input)}");
        }
    }

    private static int? Number(string variable)
        => int.TryParse(Environment.GetEnvironmentVariable(variable), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;
}
