// Two tabs of the Chat page in Chromium: node chat_page.js URL websocket|sse PROFILE [SCREENSHOT].
// Prints what it wants done ("cut off ben", "restore", "end the session of ben") and waits for a line of input each time; at last prints "ok".
"use strict";
const assert = require("node:assert");
const readline = require("node:readline");
const puppeteer = require("puppeteer-core");
const [url, transport, profile, screenshot] = process.argv.slice(2);

const input = readline.createInterface({ input: process.stdin });
const answers = input[Symbol.asyncIterator]();
let browser;
input.on("close", () => {
  browser?.process()?.kill("SIGKILL");
  process.exit(0);
});

async function ask(what) {
  console.log(what);
  await answers.next();
}

async function openTab(name) {
  const page = await browser.newPage();
  page.on("pageerror", (error) => { console.error(error); process.exit(1); });

  // How the server tells the tabs apart.
  await page.setUserAgent(name);
  await page.goto(url);
  await page.type("#name", name);
  await page.click(`input[value=${transport}]`);
  await page.click("#join button");
  await page.waitForSelector("#state[data-state=online]");
  return page;
}

async function say(page, text) {
  await page.type("#text", text);
  await page.keyboard.press("Enter");
}

const said = (page) => page.$$eval("#messages li[data-number]", (lines) =>
  lines.map((line) => `${line.dataset.number} ${line.querySelector("b").textContent}: ${line.querySelector("span").textContent}`));

// Waits for the last line, then compares all: in order, each once, none missing.
async function shows(page, expected) {
  const count = expected.length;
  await page.waitForSelector(`#messages li[data-number="${count}"]`);
  assert.deepStrictEqual(await said(page), expected.map((line, index) => `${index + 1} ${line}`));
}

async function main() {
  browser = await puppeteer.launch({
    executablePath: "/usr/bin/chromium",
    userDataDir: profile,
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
      "--disable-component-update", "--disable-sync", "--disable-background-timer-throttling", "--disable-renderer-backgrounding"],
    defaultViewport: { width: 1000, height: 640 },
    protocolTimeout: 60_000,
  });
  const ada = await openTab("ada");
  const ben = await openTab("ben");
  for (const page of [ada, ben]) {
    await page.waitForFunction(() => document.querySelectorAll("#people li").length === 2);
    await page.waitForFunction(() => /^[\d.]+ ms$/.test(document.querySelector("#latency").textContent));
  }

  const all = ["ada: hello from ada", "ben: hello from <b>ben</b> & co"];
  await say(ada, "hello from ada");
  await shows(ben, all.slice(0, 1));
  await say(ben, "hello from <b>ben</b> & co");
  await shows(ada, all);
  await shows(ben, all);

  // A cut cable: both go on talking.
  await ask("cut off ben");
  await ben.waitForSelector("#state:not([data-state=online])");
  await say(ada, "while ben is away");
  all.push("ada: while ben is away");
  await shows(ada, all);
  await say(ben, "said by ben while away");
  await ben.waitForSelector("#messages .unsent");
  assert.strictEqual((await said(ben)).length, 2);
  await ask("restore");
  all.push("ben: said by ben while away");
  await shows(ben, all);
  await shows(ada, all);
  await ben.waitForSelector("#state[data-state=online]");
  assert.strictEqual(await ben.$("#messages .unsent"), null);

  if (transport === "sse") {
    // Away for longer than the server keeps the session.
    await ask("end the session of ben");
    await say(ada, "to a new session");
    all.push("ada: to a new session");
    await shows(ben, all);
    await say(ben, "from a new session");
    all.push("ben: from a new session");
    await shows(ada, all);
  }

  if (screenshot) {
    await ben.waitForFunction(() => /^[\d.]+ ms$/.test(document.querySelector("#latency").textContent));
    await ben.bringToFront();
    await ben.screenshot({ path: screenshot });
  }

  // Who leaves is gone from the list.
  await ben.close();
  await ada.waitForFunction(() => document.querySelectorAll("#people li").length === 1);
  await browser.close();
  console.log("ok");
}

main().catch((error) => {
  console.error(error);
  browser?.process()?.kill("SIGKILL");
  process.exit(1);
});
