"""A server to our client: websocket_server.py [compressed]. Prints its port, then how each client closed."""
import asyncio
import os
import sys
import threading

import websockets


def exit_with_input():
    sys.stdin.read()
    os._exit(0)


threading.Thread(target=exit_with_input, daemon=True).start()


async def serve(socket):
    try:
        async for data in socket:
            word, _, number = data.partition(" ") if isinstance(data, str) else ("", "", "")
            if word == "extensions":
                await socket.send(", ".join(e.name for e in socket.extensions))
            elif word == "protocol":
                await socket.send(socket.subprotocol or "")
            elif word == "fragments":
                await socket.send(["one ", "two ", "three"])
                await (await socket.ping("between"))
                await socket.send("pong between")
            elif word == "close":
                await socket.close(int(number), "wie gewünscht")
            elif word == "terminate":
                socket.transport.abort()
            else:
                await socket.send(data)
    except websockets.ConnectionClosed:
        pass
    finally:
        await socket.wait_closed()
        print(f"closed {socket.close_code} {socket.close_reason}", flush=True)


async def main():
    async with websockets.serve(
        serve, "127.0.0.1", 0, subprotocols=["chat.v2"], max_size=None,
        compression="deflate" if sys.argv[1:] == ["compressed"] else None,
    ) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.Future()


asyncio.run(main())
