using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;

namespace Chat;

/// <summary>All rooms, made when somebody first joins. They and what was said in them last as long as the server.</summary>
internal sealed class ChatRooms(TimeProvider? time = null)
{
    // What strangers may make us keep: 200 rooms of 500 texts.
    private const int MaxRooms = 200;

    private readonly ConcurrentDictionary<string, Room> _rooms = new(StringComparer.OrdinalIgnoreCase);

    public bool TryGet(string name, [NotNullWhen(true)] out Room? room)
    {
        if (_rooms.TryGetValue(name, out room))
        {
            return true;
        }

        if (_rooms.Count >= MaxRooms)
        {
            return false;
        }

        room = _rooms.GetOrAdd(name, static (name, time) => new Room(name, time), time ?? TimeProvider.System);
        return true;
    }
}
