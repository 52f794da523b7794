using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace Transports.Interop.Tests;

/// <summary>The requests of a server that are open, to break them as a cut cable does: without a word.</summary>
internal sealed class Requests
{
    private readonly Lock _gate = new();
    private readonly HashSet<HttpContext> _open = [];
    private Predicate<HttpContext> _isCutOff = static _ => false;

    public void Watch(IApplicationBuilder app) => app.Use(async (context, next) =>
    {
        lock (_gate)
        {
            if (_isCutOff(context))
            {
                context.Abort();
                return;
            }

            _open.Add(context);
        }

        try
        {
            await next(context);
        }
        finally
        {
            lock (_gate)
            {
                _open.Remove(context);
            }
        }
    });

    /// <summary>Breaks the requests that are open, and all that come until <see cref="Restore"/>.</summary>
    public void CutOff(Predicate<HttpContext> which)
    {
        lock (_gate)
        {
            _isCutOff = which;
            foreach (var context in _open.Where(context => which(context)))
            {
                context.Abort();
            }
        }
    }

    /// <summary>The session that an agent's open event stream belongs to.</summary>
    public string SessionOf(string userAgent)
    {
        lock (_gate)
        {
            return _open
                .Where(context => context.Request.Headers.UserAgent == userAgent && context.Response.Headers.ContentType == "text/event-stream")
                .Select(static context => context.Response.Headers["Transports-Session"].ToString())
                .Last();
        }
    }

    public void Restore()
    {
        lock (_gate)
        {
            _isCutOff = static _ => false;
        }
    }
}
