"""A client of ours: websocket_client.py URL CASE [STATUS]. Prints "ok", or fails."""
import asyncio
import os
import sys
import threading

import websockets

url, name = sys.argv[1:3]


def exit_with_input():
    sys.stdin.read()
    os._exit(0)


threading.Thread(target=exit_with_input, daemon=True).start()


async def echoes(socket, data):
    await socket.send(data)
    assert await socket.recv() == data


async def main():
    async with websockets.connect(
        url,
        subprotocols=["nothing", "chat.v2"] if name == "subprotocol" else None,
        compression="deflate" if name == "compressed" else None,
    ) as socket:
        if name == "echo":
            for data in ["Größe ✓ 𝄞", bytes(range(256)), "", b"", bytes(i * 31 % 256 for i in range(300_000)), "x" * 70_000]:
                await echoes(socket, data)
            for i in range(2000):
                await socket.send(f"message {i}")
            for i in range(2000):
                assert await socket.recv() == f"message {i}"
            await socket.close(1000, "done")
            assert socket.close_code == 1000
        elif name == "compressed":
            assert any(e.name == "permessage-deflate" for e in socket.extensions)
            for text in ["", "short", "z" * 200_000, "Größe ✓" * 5_000]:
                await echoes(socket, text)
        elif name == "subprotocol":
            assert socket.subprotocol == "chat.v2"
            await echoes(socket, "x")
        elif name == "ping":
            await (await socket.ping("are you there?"))
            await echoes(socket, "x")
        elif name == "fragments":
            await socket.send(["one ", "two ", "three"])
            assert await socket.recv() == "one two three"
        elif name == "oversize":
            await socket.send(bytes(1_000_001))
            await socket.wait_closed()
            assert socket.close_code == 1009, socket.close_code
        elif name == "closed-by-server":
            status = sys.argv[3]
            await socket.send(f"close {status}")
            await socket.wait_closed()
            expected = {"Normal": 1000, "GoingAway": 1001, "PolicyViolation": 1008, "InternalError": 1011}[status]
            assert (socket.close_code, socket.close_reason) == (expected, "as you wish – ✓")
        else:
            raise ValueError(name)
    print("ok", flush=True)


asyncio.run(main())
os._exit(0)
