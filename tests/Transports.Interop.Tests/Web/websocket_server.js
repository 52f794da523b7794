// A server to our client: node websocket_server.js [compressed]. Prints its port, then how each client closed.
"use strict";
const { WebSocketServer } = require("ws");
process.stdin.on("end", () => process.exit(0)).resume();

const server = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate: process.argv[2] === "compressed" ? { threshold: 0 } : false });
server.on("listening", () => console.log(server.address().port));
server.on("connection", (socket) => {
  socket.on("close", (code, reason) => console.log(`closed ${code} ${reason}`));
  socket.on("error", () => {});
  socket.on("pong", (data) => socket.send(`pong ${data}`));
  socket.on("message", (data, isBinary) => {
    const [word, number] = isBinary ? [] : data.toString().split(" ");
    switch (word) {
      case "extensions":
        socket.send(socket.extensions);
        break;
      case "protocol":
        socket.send(socket.protocol);
        break;
      case "fragments":
        socket.send("one ", { fin: false });
        socket.ping("between");
        socket.send("two ", { fin: false });
        socket.send("three", { fin: true });
        break;
      case "close":
        socket.close(Number(number), "wie gewünscht");
        break;
      case "terminate":
        socket.terminate();
        break;
      default:
        socket.send(data, { binary: isBinary });
    }
  });
});
