// An EventSource of ours: node sse_client.js URL. Prints each event as JSON, and what happens to the stream.
// A line of input is posted to the session, as the documented protocol says.
"use strict";
const { EventSource } = require("eventsource");
const readline = require("node:readline");
const url = process.argv[2];
const input = readline.createInterface({ input: process.stdin });
input.on("close", () => process.exit(0));

const print = (what) => console.log(JSON.stringify(what));
let session = null;
let posts = 0;
const source = new EventSource(url);
const show = ({ type, data, lastEventId }) => print({ type, data, lastEventId });
for (const type of ["message", "binary", "news", "close"]) {
  source.addEventListener(type, show);
}

source.addEventListener("session", (event) => { session = event.data; print({ type: "session" }); });
source.addEventListener("open", () => print({ type: "open" }));
source.addEventListener("error", (event) => print({ type: "error", code: event.code, closed: source.readyState === EventSource.CLOSED }));

input.on("line", async (text) => {
  const headers = { "Content-Type": "text/plain", "Transports-Session": session, "Transports-Sequence": String(++posts) };
  const response = await fetch(url, { method: "POST", headers, body: text });
  print({ type: "posted", status: response.status });
});
