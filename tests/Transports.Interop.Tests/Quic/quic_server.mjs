// A server for our client: node quic_server.mjs CERT-FILE KEY-FILE ALPN. Prints its port, then what becomes of streams and connections.
import { readFileSync } from "node:fs";
import { QUICServer, Messages, closeConnection, codes, ended, events, frame, logger, preface, randomBytes } from "./wire.mjs";
import { createHmac, randomBytes as secret } from "node:crypto";

const [cert, key, alpn] = process.argv.slice(2);
const sign = async (k, data) => {
  const hash = createHmac("sha256", Buffer.from(k)).update(Buffer.from(data)).digest();
  return hash.buffer.slice(hash.byteOffset, hash.byteOffset + hash.byteLength);
};
const hmacKey = secret(32);
const server = new QUICServer({
  crypto: {
    key: hmacKey.buffer.slice(hmacKey.byteOffset, hmacKey.byteOffset + 32),
    ops: { sign, verify: async (k, data, given) => Buffer.from(await sign(k, data)).equals(Buffer.from(given)) },
  },
  config: { key: readFileSync(key, "utf8"), cert: readFileSync(cert, "utf8"), applicationProtos: [alpn], maxIdleTimeout: 20_000, verifyPeer: false },
  logger,
  ...codes,
});

async function serve(connection, stream) {
  const messages = new Messages(stream);
  const writer = stream.writable.getWriter();
  try {
    if ((await messages.bytes(1))[0] !== 1) {
      throw new Error("That is no preface.");
    }

    for (let message = await messages.next(); message !== null; message = await messages.next()) {
      const [word, argument] = message.toString("latin1", 0, 40).split(" ");
      switch (word) {
        case "reset":
          // Both directions, with a code.
          stream.cancel(Number(argument));
          return;
        case "close":
          // As our own close does it: STOP_SENDING with the status, then the end.
          await writer.write(frame("as you wish"));
          messages.cancel(Number(argument)).catch(() => {});
          await writer.close();
          return;
        case "close-connection":
          await closeConnection(connection, Number(argument));
          return;
        case "open": {
          // A channel from this side.
          const opened = connection.newStream();
          const out = opened.writable.getWriter();
          await out.write(preface);
          await out.write(frame("opened by the server"));
          await out.close();
          new Messages(opened).next().then((answer) => console.log(`answer ${answer}`), () => {});
          break;
        }
        case "half":
          // Answers only after our end.
          break;
        default:
          await writer.write(frame(message));
      }
    }

    console.log("end");
    await writer.write(frame("after the end"));
    await writer.close();
  } catch (e) {
    console.log(typeof e?.code === "number" ? `${e.side} ${e.code}` : `failed ${e?.message}`);
  }
}

server.addEventListener(events.EventQUICServerConnection.name, ({ detail: connection }) => {
  console.log("connection");
  connection.addEventListener(events.EventQUICConnectionStream.name, ({ detail: stream }) => { void serve(connection, stream); });
  void ended(connection).then((error) => console.log(`closed ${error?.data?.isApp} ${error?.data?.errorCode}`));
});
await server.start({ host: "127.0.0.1", port: 0 });
console.log(server.port);
