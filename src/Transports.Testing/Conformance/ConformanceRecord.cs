namespace Transports.Testing;

/// <summary>What the test of typed channels sends.</summary>
internal sealed record ConformanceRecord(int Number, string Text);
