// The two ways to the server, with the same face: send(text), close(), and the callbacks given to the opening functions:
// opened(), received(text), ended(why). Each calls ended once, after which it is done; what comes next is the caller's business.
// An event stream may also be interrupted() and resumed() without having lost anything.

export function openWebSocket(path, { opened, received, ended }) {
  const url = new URL(path, location.href);
  url.protocol = url.protocol.replace("http", "ws");
  const socket = new WebSocket(url);
  socket.onopen = opened;
  socket.onmessage = (event) => received(event.data);
  socket.onclose = (event) => ended(event.reason || `the connection ended (${event.code})`);
  return {
    send: (text) => socket.send(text),
    close() {
      // Without waiting for a server that may be out of reach.
      socket.onclose = socket.onmessage = socket.onopen = null;
      socket.close();
      ended("closed");
    },
  };
}

export function openEvents(path, { opened, interrupted, resumed, received, ended }) {
  const url = new URL(path, location.href);
  url.searchParams.set("duplex", "");
  const events = new EventSource(url);
  let session = null;
  let posts = 0;
  let sending = Promise.resolve();
  let over = false;

  function end(why) {
    if (!over) {
      over = true;
      events.close();
      ended(why);
    }
  }

  // The first event names the session; what is sent goes there.
  events.addEventListener("session", (event) => {
    session = event.data;
    opened();
  });
  events.addEventListener("close", (event) => end(event.data));
  events.onmessage = (event) => received(event.data);

  // A stream that broke off is opened again by the browser, which tells the server its last event, and gets those after
  // it. Only when the server refuses (the session is over) is this the end.
  events.onerror = () => {
    if (events.readyState === EventSource.CLOSED) {
      end("the server ended the session");
    } else if (session !== null) {
      interrupted();
    }
  };
  events.onopen = () => {
    if (session !== null) {
      resumed();
    }
  };

  async function post(text) {
    const headers = { "Content-Type": "text/plain", "Transports-Session": session, "Transports-Sequence": String(++posts) };
    while (!over) {
      try {
        // The number makes sending it again safe: the server counts it once.
        const response = await fetch(url, { method: "POST", headers, body: text });
        if (response.ok) {
          return;
        }

        if (response.status < 500) {
          end(`the server refused a message (${response.status})`);
        }
      } catch {
        // Out of reach; the next attempt may get through.
      }

      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }

  return {
    // One after the other: a request may overtake another.
    send(text) {
      sending = sending.then(() => post(text));
    },
    close() {
      if (session !== null && !over) {
        fetch(url, { method: "DELETE", headers: { "Transports-Session": session }, keepalive: true }).catch(() => {});
      }

      end("closed");
    },
  };
}
