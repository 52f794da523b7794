namespace CustomTransport;

/// <summary>The first byte of a packet. The wire needs it: a packet of no bytes cannot be told from the end of the socket.</summary>
internal enum PacketKind : byte
{
    /// <summary>A message of bytes.</summary>
    Binary = 0,

    /// <summary>A message of UTF-8.</summary>
    Text = 1,

    /// <summary>The sender will send no more messages and goes on receiving.</summary>
    Finished = 2,

    /// <summary>The sender has closed: a byte of status, and why in UTF-8.</summary>
    Close = 3,
}
