// What both scripts share: Cloudflare's quiche through @matrixai/quic, and the wire of transports/1 written by hand.
import { webcrypto } from "node:crypto";

// Here node would not look for modules.
const load = (file) => import(new URL(`../node-quic/node_modules/@matrixai/${file}`, import.meta.url));
export const { QUICClient, QUICServer, events } = await load("quic/dist/index.js");
const { default: Logger, LogLevel } = await load("logger/dist/index.js");
export const logger = new Logger("quic", LogLevel.SILENT, []);

// The process ends with its input.
process.stdin.on("end", () => process.exit(0)).resume();
process.on("unhandledRejection", (e) => { console.error(e); process.exit(1); });

export const preface = Uint8Array.of(1);
export const randomBytes = async (data) => { webcrypto.getRandomValues(new Uint8Array(data)); };

// A number given to cancel or abort is the code on the wire, and one on the wire comes back as the error's.
export const codes = {
  reasonToCode: (_, reason) => (typeof reason === "number" ? reason : 0),
  codeToReason: (side, code) => Object.assign(new Error(`${side} ${code}`), { side, code }),
};

// Messages, each after its length in four bytes, big-endian.
export function frame(message) {
  const bytes = typeof message === "string" ? new TextEncoder().encode(message) : message;
  const framed = new Uint8Array(4 + bytes.length);
  new DataView(framed.buffer).setUint32(0, bytes.length);
  framed.set(bytes, 4);
  return framed;
}

export class Messages {
  #reader;
  #held = Buffer.alloc(0);

  constructor(stream) { this.#reader = stream.readable.getReader(); }

  // A message, or null at the end. An end inside of one is an error.
  async next() {
    const header = await this.bytes(4, true);
    return header && (await this.bytes(header.readUInt32BE()));
  }

  async text() { return (await this.next())?.toString() ?? null; }

  async bytes(count, mayEnd = false) {
    while (this.#held.length < count) {
      const { done, value } = await this.#reader.read();
      if (done) {
        if (mayEnd && this.#held.length === 0) {
          return null;
        }

        throw new Error(`The stream ended ${this.#held.length} bytes into something of ${count}.`);
      }

      this.#held = Buffer.concat([this.#held, value]);
    }

    const bytes = this.#held.subarray(0, count);
    this.#held = this.#held.subarray(count);
    return bytes;
  }

  cancel(code) { return this.#reader.cancel(code); }
}

// The code with which the other side ended a read or a write.
export async function codeOf(attempt) {
  try {
    await attempt();
  } catch (e) {
    if (typeof e?.code === "number") {
      return e.code;
    }

    throw e;
  }

  throw new Error("It went on.");
}

// How a connection ended: the error with its data, where the library keeps the code.
export const ended = (connection) => new Promise((resolve) => {
  connection.addEventListener(events.EventQUICConnectionClose.name, (event) => resolve(event.detail), { once: true });
});

// CONNECTION_CLOSE and nothing before: the library's own stop resets the streams first.
export function closeConnection(connection, code) {
  connection.conn.close(true, code, new Uint8Array(0));
  return connection.send();
}
