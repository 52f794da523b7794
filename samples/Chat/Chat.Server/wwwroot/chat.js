import { openEvents, openWebSocket } from "./channels.js";

const PING_EVERY = 2_000;
const SILENCE_AT_MOST = 10_000;
const RETRY_FIRST = 500;
const RETRY_AT_MOST = 10_000;

const $ = (id) => document.getElementById(id);

/** One stay in a room: keeps a channel open, and knows what was seen and what has not arrived yet. */
class Stay {
  constructor(open, room, name) {
    Object.assign(this, { open, room, name });
    this.history = null;
    this.seen = 0;
    this.unsent = new Map(); // by key: said here, and not yet heard back
    this.retry = RETRY_FIRST;
    this.joined = false;
    this.left = false;
    this.connect();
  }

  connect() {
    show("connecting", "connecting …");
    this.channel = this.open("chat", {
      opened: () => {
        this.heard = performance.now();
        this.send({ type: "join", room: this.room, name: this.name, history: this.history, after: this.seen });
        this.pinging = setInterval(() => this.ping(), PING_EVERY);
        this.ping();
      },
      interrupted: () => show("connecting", "interrupted, coming back …"),
      resumed: () => this.showJoined(),
      received: (text) => this.receive(JSON.parse(text)),
      ended: (why) => this.ended(why),
    });
  }

  ended(why) {
    this.joined = false;
    clearInterval(this.pinging);
    $("latency").textContent = "";
    if (this.left) {
      return;
    }

    show("offline", `offline: ${why}; trying again in ${(this.retry / 1000).toFixed(1)} s`);
    this.waiting = setTimeout(() => this.connect(), this.retry);
    this.retry = Math.min(this.retry * 2, RETRY_AT_MOST);
  }

  showJoined() {
    show("online", `${this.open === openEvents ? "SSE" : "WebSocket"}, ${this.room}`);
  }

  leave() {
    this.left = true;
    clearTimeout(this.waiting);
    this.channel.close();
  }

  send(request) {
    this.channel.send(JSON.stringify(request));
  }

  ping() {
    if (performance.now() - this.heard > SILENCE_AT_MOST) {
      this.channel.close();
      return;
    }

    this.send({ type: "ping", sent: performance.now() });
  }

  say(text) {
    const key = crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`;
    const line = addSaid({ name: this.name, text, at: Date.now() });
    line.classList.add("unsent");
    this.unsent.set(key, { text, line });
    if (this.joined) {
      this.send({ type: "say", text, key });
    }
  }

  receive(event) {
    this.heard = performance.now();
    switch (event.type) {
      case "joined":
        if (this.history !== null && this.history !== event.history) {
          addNote("The server has started anew.");
          this.seen = 0;
        }

        this.history = event.history;
        this.retry = RETRY_FIRST;
        this.joined = true;
        this.showJoined();

        // Perhaps the server had them already: it counts each key once.
        for (const [key, { text }] of this.unsent) {
          this.send({ type: "say", text, key });
        }

        break;
      case "said":
        this.seen = event.number;
        this.unsent.get(event.key)?.line.remove();
        this.unsent.delete(event.key);
        addSaid(event);
        break;
      case "missed":
        addNote(`${event.count} earlier messages are no longer kept.`);
        break;
      case "people":
        $("people").replaceChildren(...event.names.map((name) => element("li", name)));
        break;
      case "pong":
        $("latency").textContent = `${(performance.now() - event.sent).toFixed(1)} ms`;
        break;
      case "refused":
        addNote(event.reason);
        break;
    }
  }
}

let stay = null;

$("join").addEventListener("submit", (event) => {
  event.preventDefault();
  stay?.leave();
  $("messages").replaceChildren();
  const form = new FormData(event.target);
  const open = form.get("transport") === "sse" ? openEvents : openWebSocket;
  stay = new Stay(open, $("room").value.trim(), $("name").value.trim());
  for (const control of $("say").elements) {
    control.disabled = false;
  }

  $("text").placeholder = "Say something";
  $("text").focus();
});

$("say").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = $("text").value.trim();
  if (text !== "") {
    stay.say(text);
    $("text").value = "";
  }
});

addEventListener("pagehide", () => stay?.leave());
addEventListener("pageshow", (event) => {
  if (event.persisted) {
    location.reload(); // out of the browser's cache, where the channel was left behind
  }
});

function show(state, text) {
  $("state").dataset.state = state;
  $("state").textContent = text;
}

function element(tag, text) {
  const result = document.createElement(tag);
  result.textContent = text;
  return result;
}

function addSaid({ name, text, at, number }) {
  const line = document.createElement("li");
  const time = element("time", new Date(at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" }));
  line.append(time, element("b", name), element("span", text));
  if (number !== undefined) {
    line.dataset.number = number;
  }

  return add(line);
}

function addNote(text) {
  const line = element("li", text);
  line.className = "note";
  return add(line);
}

function add(line) {
  const list = $("messages");
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
  list.append(line);
  if (atEnd) {
    list.scrollTop = list.scrollHeight;
  }

  return line;
}
