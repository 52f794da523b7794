namespace Compare.Data;

/// <summary>What arrived is not what was sent.</summary>
/// <param name="message">What differs.</param>
internal sealed class VerificationException(string message) : Exception(message);
