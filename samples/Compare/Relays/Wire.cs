namespace Compare.Relays;

/// <summary>What lies under a transport, and so which relay can count its bytes.</summary>
internal enum Wire
{
    /// <summary>None: the messages stay in the process.</summary>
    Memory,

    /// <summary>A TCP connection, or several.</summary>
    Tcp,

    /// <summary>A socket in the file system.</summary>
    Unix,

    /// <summary>Datagrams.</summary>
    Udp,
}
