namespace Chat;

/// <summary>The server does not let us in; trying again would not help.</summary>
internal sealed class ChatRefusedException(string reason) : Exception(reason);
