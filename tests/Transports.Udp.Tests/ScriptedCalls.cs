using System.Net.Sockets;
using static Transports.Udp.LinuxSocketCalls;

namespace Transports.Udp.Tests;

/// <summary>The system calls of batching, some of which are answered by the test instead of the kernel.</summary>
internal sealed unsafe class ScriptedCalls : IDatagramCalls
{
    private readonly LinuxDatagramCalls _kernel = LinuxDatagramCalls.Instance;

    /// <summary>Which sendmmsg call this is, from 0. 0 lets it pass; negative is an error number; positive lets so many messages pass.</summary>
    public Func<int, int> OnSend { get; init; } = _ => 0;

    /// <summary>Which sendmmsg call this is, from 0. Not 0: the error number that a message of joined datagrams meets.</summary>
    public Func<int, int> OnSendJoined { get; init; } = _ => 0;

    /// <summary>Which recvmmsg call this is, from 0. 0 lets it pass; negative is an error number.</summary>
    public Func<int, int> OnReceive { get; init; } = _ => 0;

    public bool CutsSegments { get; init; } = true;

    public bool JoinsSegments { get; init; } = true;

    public int Sends { get; private set; }

    /// <summary>How many sendmmsg calls the kernel itself refused.</summary>
    public int Refused { get; private set; }

    public int Receives { get; private set; }

    /// <summary>The most datagrams that one message of an accepted sendmmsg call had.</summary>
    public int MaxJoined { get; private set; }

    /// <summary>The most messages that one recvmmsg call asked for.</summary>
    public int MaxSlots { get; private set; }

    /// <summary>How many datagrams were asked for one by one.</summary>
    public int OneByOneReceives { get; private set; }

    public bool IsSupported => _kernel.IsSupported;

    public bool SupportsSegmentation(Socket socket) => CutsSegments && _kernel.SupportsSegmentation(socket);

    public bool TryEnableReceiveOffload(Socket socket) => JoinsSegments && _kernel.TryEnableReceiveOffload(socket);

    public bool TellsLocal { get; init; } = true;

    public bool TryEnablePacketInfo(Socket socket) => TellsLocal && _kernel.TryEnablePacketInfo(socket);

    public int SendOne(SafeSocketHandle socket, MessageHeader* message) => Send(socket, message, 1);

    public int ReceiveOne(SafeSocketHandle socket, MessageHeader* message)
    {
        OneByOneReceives++;
        return _kernel.ReceiveOne(socket, message);
    }

    public int SendMany(SafeSocketHandle socket, MessageHeader* messages, int count) => Send(socket, messages, count);

    private int Send(SafeSocketHandle socket, MessageHeader* messages, int count)
    {
        var call = Sends++;
        var answer = OnSend(call);
        if (answer < 0)
        {
            return answer;
        }

        count = answer == 0 ? count : Math.Min(answer, count);
        var refusal = OnSendJoined(call);
        for (var i = 0; i < count; i++)
        {
            if (refusal != 0 && messages[i].VectorCount > 1)
            {
                // As the kernel does it: those before are sent, and an error is of the first one only.
                return i == 0 ? -refusal : _kernel.SendMany(socket, messages, i);
            }

            MaxJoined = Math.Max(MaxJoined, (int)messages[i].VectorCount);
        }

        var sent = count == 1 ? _kernel.SendOne(socket, messages) : _kernel.SendMany(socket, messages, count);
        Refused += sent < 0 ? 1 : 0;
        return sent;
    }

    public int ReceiveMany(SafeSocketHandle socket, MessageHeader* messages, int count)
    {
        MaxSlots = Math.Max(MaxSlots, count);
        var answer = OnReceive(Receives++);
        return answer < 0 ? answer : _kernel.ReceiveMany(socket, messages, count);
    }
}
