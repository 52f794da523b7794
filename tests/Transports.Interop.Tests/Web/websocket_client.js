// A client of ours: node websocket_client.js URL ws|builtin CASE. Prints "ok", or fails.
"use strict";
const assert = require("node:assert");
const [url, implementation, name] = process.argv.slice(2);
process.stdin.on("end", () => process.exit(0)).resume();

const Ws = implementation === "ws" ? require("ws") : null;
const socket = Ws
  ? new Ws(url, name === "subprotocol" ? ["nothing", "chat.v2"] : [], { perMessageDeflate: name === "compressed" })
  : new WebSocket(url, name === "subprotocol" ? ["nothing", "chat.v2"] : []);
socket.binaryType = "arraybuffer";

const arrived = [];
let wake = () => {};
socket.onmessage = (event) => { arrived.push(event.data); wake(); };
const opened = new Promise((resolve, reject) => { socket.onopen = resolve; socket.onerror = (e) => reject(e.error ?? new Error("refused")); });
const closed = new Promise((resolve) => { socket.onclose = resolve; });

async function receive() {
  while (arrived.length === 0) {
    await new Promise((resolve) => { wake = resolve; });
  }

  return arrived.shift();
}

async function echoes(data) {
  socket.send(data);
  same(await receive(), data);
}

function same(actual, expected) {
  if (typeof expected === "string") {
    assert.strictEqual(actual, expected);
  } else {
    assert.ok(actual instanceof ArrayBuffer, `bytes come back as bytes, not as ${typeof actual}`);
    assert.deepStrictEqual(Buffer.from(actual), Buffer.from(expected));
  }
}

const cases = {
  async echo() {
    await echoes("Größe ✓ 𝄞");
    await echoes(Uint8Array.from({ length: 256 }, (_, i) => i));
    await echoes("");
    await echoes(new Uint8Array(0));
    await echoes(new Uint8Array(300_000).map((_, i) => i * 31));
    await echoes("x".repeat(70_000));
    for (let i = 0; i < 2000; i++) {
      socket.send(`message ${i}`);
    }

    for (let i = 0; i < 2000; i++) {
      same(await receive(), `message ${i}`);
    }

    socket.close(1000, "done");
    const event = await closed;
    assert.strictEqual(event.code, 1000);
    assert.ok(event.wasClean);
  },

  async compressed() {
    assert.match(socket.extensions, /permessage-deflate/);
    for (const text of ["", "short", "z".repeat(200_000), "Größe ✓".repeat(5_000)]) {
      await echoes(text);
    }
  },

  async subprotocol() {
    assert.strictEqual(socket.protocol, "chat.v2");
    await echoes("x");
  },

  async ping() {
    const ponged = new Promise((resolve) => socket.on("pong", resolve));
    socket.ping("are you there?");
    assert.strictEqual((await ponged).toString(), "are you there?");
    await echoes("x");
  },

  async fragments() {
    socket.send("one ", { fin: false });
    socket.ping();
    socket.send("two ", { fin: false });
    socket.send("three", { fin: true });
    same(await receive(), "one two three");
  },

  async oversize() {
    socket.send(new Uint8Array(1_000_001));
    assert.strictEqual((await closed).code, 1009);
  },

  async "closed-by-server"() {
    for (const [status, code] of [["Normal", 1000], ["GoingAway", 1001], ["PolicyViolation", 1008], ["InternalError", 1011]]) {
      if (status === process.argv[5]) {
        socket.send(`close ${status}`);
        const event = await closed;
        assert.strictEqual(event.code, code);
        assert.strictEqual(event.reason, "as you wish – ✓");
        assert.ok(event.wasClean ?? true);
      }
    }
  },
};

opened.then(cases[name]).then(() => console.log("ok")).catch((e) => { console.error(e); process.exit(1); });
