// A client of ours: node quic_client.mjs PORT CA-FILE CASE. Prints "ok", or fails.
import assert from "node:assert";
import { readFileSync } from "node:fs";
import { QUICClient, Messages, closeConnection, codeOf, codes, ended, frame, logger, preface, randomBytes } from "./wire.mjs";

const [port, ca, name] = process.argv.slice(2);

const connect = (config = {}) => QUICClient.createQUICClient({
  host: "127.0.0.1",
  port: Number(port),
  serverName: "localhost",
  crypto: { ops: { randomBytes } },
  config: { applicationProtos: ["transports/1"], ca: readFileSync(ca, "utf8"), maxIdleTimeout: 20_000, verifyPeer: true, ...config },
  logger,
  ...codes,
}, { timer: 15_000 });

async function open(client) {
  const stream = client.connection.newStream();
  const writer = stream.writable.getWriter();
  await writer.write(preface);
  return { stream, writer, messages: new Messages(stream) };
}

async function echoes({ writer, messages }, message) {
  const bytes = Buffer.from(message);
  const [, back] = await Promise.all([writer.write(frame(bytes)), messages.next()]);
  assert.ok(back.equals(bytes), `${bytes.length} bytes come back as they were`);
}

const cases = {
  // Half-close: our answer to the end is the end.
  async echo() {
    const client = await connect();
    const channel = await open(client);
    for (const length of [0, 1, 63, 64, 16_383, 70_000, 1_000_000]) {
      await echoes(channel, Buffer.alloc(length, length % 251));
    }

    await channel.writer.close();
    assert.strictEqual(await channel.messages.next(), null);
    await client.destroy({ force: false });
  },

  // One write may hold many frames, and a frame may come in many writes.
  async pieces() {
    const client = await connect();
    const { writer, messages } = await open(client);
    await writer.write(Buffer.concat([frame("one"), frame(""), frame("two")]));
    assert.deepStrictEqual([await messages.text(), await messages.text(), await messages.text()], ["one", "", "two"]);
    for (const byte of frame("three")) {
      await writer.write(Uint8Array.of(byte));
    }

    assert.strictEqual(await messages.text(), "three");
    await client.destroy({ force: true });
  },

  async streams() {
    const client = await connect();
    const channels = [];
    for (let i = 0; i < 10; i++) {
      channels.push(await open(client));
    }

    await Promise.all(channels.map(async (channel, i) => {
      for (let j = 0; j < 50; j++) {
        await echoes(channel, `${i}/${j}`);
      }
    }));
    for (const { writer, messages } of channels) {
      await writer.close();
      assert.strictEqual(await messages.next(), null);
    }

    await client.destroy({ force: false });
  },

  // RESET_STREAM and STOP_SENDING with a code of ours; another stream of the connection goes on.
  async reset(code) {
    const client = await connect();
    const bystander = await open(client);
    await echoes(bystander, "before");
    const channel = await open(client);
    await echoes(channel, "hello");
    channel.stream.cancel(Number(code));
    await echoes(bystander, "after");
    await client.destroy({ force: true });
  },

  async "close-connection"(code) {
    const client = await connect();
    await echoes(await open(client), "hello");
    await closeConnection(client.connection, Number(code));
  },

  // The server closes with a status: all messages, the end, and the status in STOP_SENDING.
  async "closed-by-server"(status, code) {
    const client = await connect();
    const { writer, messages } = await open(client);
    await writer.write(frame(`close ${status}`));

    // More than fits, so that the write is still under way when the answer comes.
    const stopped = code === "0" ? null : codeOf(() => writer.write(new Uint8Array(8_000_000)));
    assert.strictEqual(await messages.text(), "as you wish");
    if (stopped) {
      assert.strictEqual(await stopped, Number(code));
    }

    assert.strictEqual(await messages.next(), null);
    await client.destroy({ force: true });
  },

  async "aborted-by-server"() {
    const client = await connect();
    const { writer, messages } = await open(client);
    await writer.write(frame("abort"));
    assert.strictEqual(await codeOf(() => messages.next()), 8);
    await client.destroy({ force: true });
  },

  async oversize() {
    const client = await connect();
    const { writer, messages } = await open(client);
    await writer.write(Uint8Array.of(0x7f, 0xff, 0xff, 0xff));
    assert.strictEqual(await codeOf(() => messages.next()), 3);
    await client.destroy({ force: true });
  },

  async "no-channel"() {
    const client = await connect();
    const stream = client.connection.newStream();
    await stream.writable.getWriter().write(new TextEncoder().encode("GET / HTTP/1.1"));
    assert.strictEqual(await codeOf(() => new Messages(stream).next()), 2);
    await echoes(await open(client), "a channel of the same connection is served");
    await client.destroy({ force: true });
  },

  async "server-stops"() {
    const client = await connect();
    const { writer } = await open(client);
    const end = ended(client.connection);
    await writer.write(frame("stop"));
    const error = await end;
    assert.deepStrictEqual({ isApp: error.data.isApp, code: error.data.errorCode }, { isApp: true, code: 1 });
  },

  // 0x100 and TLS alert 120, no_application_protocol (RFC 9001, sections 4.8 and 8.1).
  async alpn() {
    await assert.rejects(connect({ applicationProtos: ["something-else/1"] }), (e) => e.data?.errorCode === 0x178);
    await echoes(await open(await connect()), "the right one is served");
  },

  async untrusted() {
    await assert.rejects(connect({ ca: undefined }), (e) => /TLS|cert|CA/i.test(`${e.message} ${JSON.stringify(e.data)}`));
    await echoes(await open(await connect()), "who trusts is served");
  },
};

await cases[name](...process.argv.slice(5));
console.log("ok");
