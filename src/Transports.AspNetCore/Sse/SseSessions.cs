using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;

namespace Transports.AspNetCore;

/// <summary>The sessions of one route. One that has ended gracefully stays for a while, so that a client cut off at the end can still read it.</summary>
internal sealed class SseSessions(ProtocolOptions options)
{
    private readonly ConcurrentDictionary<string, SseSession> _sessions = new(StringComparer.Ordinal);
    private readonly ConcurrentQueue<SseSession> _ended = new();

    /// <summary>Adds a session.</summary>
    /// <returns><see langword="false"/> when there are too many.</returns>
    public bool TryAdd(SseSession session)
    {
        while (_sessions.Count >= options.Sse.MaxSessions)
        {
            // Ended ones make room for new ones.
            if (!_ended.TryDequeue(out var oldest))
            {
                return false;
            }

            Remove(oldest);
        }

        _sessions[session.Id] = session;
        return true;
    }

    public bool TryGet(string id, [NotNullWhen(true)] out SseSession? session) => _sessions.TryGetValue(id, out session);

    /// <summary>A session is over.</summary>
    public void Retire(SseSession session)
    {
        if (!session.Connection.IsReplayable)
        {
            Remove(session);
            return;
        }

        _ended.Enqueue(session);
        session.ForgetLater(options.Channels.TimeProvider, options.Sse.SessionTimeout, () =>
        {
            Remove(session);

            // In the order in which they ended, so the front ones are gone too.
            while (_ended.TryPeek(out var oldest) && !_sessions.ContainsKey(oldest.Id) && _ended.TryDequeue(out _))
            {
            }
        });
    }

    private void Remove(SseSession session)
    {
        if (_sessions.TryRemove(session.Id, out _))
        {
            session.Forget();
        }
    }
}
