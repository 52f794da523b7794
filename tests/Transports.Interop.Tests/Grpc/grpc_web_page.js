// A page that opens one route in three ways: node grpc_web_page.js URL PROFILE. Prints "ok".
"use strict";
const assert = require("node:assert");
const puppeteer = require("puppeteer-core");
const [url, profile] = process.argv.slice(2);

let browser;
process.stdin.resume();
process.stdin.on("end", () => {
  browser?.process()?.kill("SIGKILL");
  process.exit(0);
});

// What runs in the page. gRPC-Web as PROTOCOL-WEB.md says: frames of a flag, a length and bytes; the last one, flag 0x80, holds the trailers.
async function callInPage(path, texts, asText) {
  const encoder = new TextEncoder();
  const decoder = new TextDecoder();
  const frames = texts.map((text) => {
    const payload = encoder.encode(text);
    const frame = new Uint8Array(5 + payload.length);
    new DataView(frame.buffer).setUint32(1, payload.length);
    frame.set(payload, 5);
    return frame;
  });
  const type = asText ? "application/grpc-web-text+proto" : "application/grpc-web+proto";
  const body = asText ? frames.map((frame) => btoa(String.fromCharCode(...frame))).join("") : new Blob(frames);
  const response = await fetch(path, { method: "POST", headers: { "content-type": type, "x-grpc-web": "1", accept: type }, body });
  const result = { http: response.status, type: response.headers.get("content-type"), messages: [], trailers: null };

  // As it comes, not when all is there.
  let bytes = new Uint8Array(0);
  let base64 = "";
  const reader = response.body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) {
      break;
    }
    let piece = value;
    if (asText) {
      base64 += decoder.decode(value);
      const whole = base64.slice(0, base64.length - base64.length % 4);
      base64 = base64.slice(whole.length);
      piece = Uint8Array.from((whole.match(/.{4}/g) ?? []).map(atob).join(""), (c) => c.charCodeAt(0));
    }
    const joined = new Uint8Array(bytes.length + piece.length);
    joined.set(bytes);
    joined.set(piece, bytes.length);
    bytes = joined;
    while (bytes.length >= 5) {
      const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(1);
      if (bytes.length < 5 + length) {
        break;
      }
      const text = decoder.decode(bytes.subarray(5, 5 + length));
      if (bytes[0] === 0x80) {
        result.trailers = text;
      } else {
        result.messages.push(text);
      }
      bytes = bytes.slice(5 + length);
    }
  }
  result.rest = bytes.length + base64.length;
  return result;
}

function webSocketInPage(path, text) {
  return new Promise((resolve, reject) => {
    const messages = [];
    const socket = new WebSocket(path);
    socket.onerror = reject;
    socket.onmessage = (event) => {
      messages.push(event.data);
      if (messages.length === 1) {
        socket.send(text);
      } else if (messages.length === 3) {
        socket.close(1000);
      }
    };
    socket.onclose = () => resolve(messages);
  });
}

function eventsInPage(path) {
  return new Promise((resolve) => {
    const source = new EventSource(path);
    source.onmessage = (event) => {
      source.close();
      resolve(event.data);
    };
  });
}

async function main() {
  browser = await puppeteer.launch({
    executablePath: "/usr/bin/chromium",
    userDataDir: profile,
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
      "--disable-component-update", "--disable-sync"],
    protocolTimeout: 60_000,
  });
  const page = await browser.newPage();
  page.on("pageerror", (error) => { console.error(error); process.exit(1); });
  await page.goto(url);
  for (const asText of [false, true]) {
    const result = await page.evaluate(callInPage, "/interop.Test/Any", ["grüße", "", "x".repeat(100_000)], asText);
    assert.strictEqual(result.http, 200);
    assert.strictEqual(result.type, asText ? "application/grpc-web-text" : "application/grpc-web");
    assert.deepStrictEqual(result.messages, ["welcome", "grüße", "grüße", "", "", "x".repeat(100_000), "x".repeat(100_000)]);
    assert.strictEqual(result.trailers, "grpc-status: 11\r\ngrpc-message: Gr%C3%B6%C3%9Fe 100 %25\r\n");
    assert.strictEqual(result.rest, 0);
  }

  assert.deepStrictEqual(await page.evaluate(webSocketInPage, "/interop.Test/Any", "hi"), ["welcome", "hi", "hi"]);
  assert.strictEqual(await page.evaluate(eventsInPage, "/interop.Test/Any"), "welcome");
  await browser.close();
  console.log("ok");
}

main().catch((error) => {
  console.error(error);
  browser?.process()?.kill("SIGKILL");
  process.exit(1);
});
