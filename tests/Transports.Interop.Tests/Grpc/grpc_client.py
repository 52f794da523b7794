"""A gRPC client on grpcio that calls every shape of method, and checks what comes back.

Messages are plain bytes: no generated code is needed to test the wire. Usage: grpc_client.py PORT CASE
"""
import sys
import time

import grpc

port, case = sys.argv[1], sys.argv[2]
options = [("grpc.max_receive_message_length", 128 << 20), ("grpc.max_send_message_length", 128 << 20)]
compression = grpc.Compression.Gzip if case == "gzip" else None
channel = grpc.insecure_channel(f"127.0.0.1:{port}", options=options, compression=compression)
unary = channel.unary_unary("/interop.Test/Unary")
server_stream = channel.unary_stream("/interop.Test/ServerStream")
client_stream = channel.stream_unary("/interop.Test/ClientStream")
both = channel.stream_stream("/interop.Test/Both")


def expect(value, wanted):
    if value != wanted:
        raise AssertionError(f"got {value!r}, wanted {wanted!r}")


def expect_error(call, code, details=None):
    try:
        call()
    except grpc.RpcError as e:
        expect(e.code(), code)
        if details is not None:
            expect(e.details(), details)
        return e
    raise AssertionError(f"no error, wanted {code}")


def once():
    received = []

    def requests():
        for i in range(20):
            yield bytes([i])
            while len(received) < i + 1:
                time.sleep(0.001)

    for message in both(requests()):
        received.append(message)
    expect(received, [bytes([i]) for i in range(20)])


if case == "unary":
    expect(unary(b"ping", timeout=10), b"ping")
elif case == "server-streaming":
    expect(list(server_stream(b"\x05", timeout=10)), [bytes([i]) for i in range(5)])
elif case == "client-streaming":
    expect(client_stream(iter([b"a", b"bb", b"ccc"]), timeout=10), b"6")
elif case == "bidirectional":
    once()
elif case == "half-close":
    # The server answers on after the client has finished: the last message comes when the stream's end was seen.
    expect(list(both(iter([b"x"]), metadata=[("epilogue", "1")], timeout=10)), [b"x", b"epilogue"])
elif case == "error":
    expect_error(lambda: unary(b"fail", timeout=10), grpc.StatusCode.NOT_FOUND, "Größe 100 % – nicht da ✓")
elif case == "3mb":
    payload = bytes(range(256)) * (3 << 12)
    expect(unary(payload, timeout=30) == payload, True)
elif case == "60mb":
    payload = b"\x5a" * (1 << 20)
    count = 0
    for message in both((payload for _ in range(60)), timeout=60):
        expect(len(message), 1 << 20)
        count += 1
    expect(count, 60)
elif case == "metadata":
    response, call = unary.with_call(b"ping", metadata=[("tenant", "acme"), ("blob-bin", b"\x00\xff\x07")], timeout=10)
    expect(dict(call.initial_metadata()).get("tenant-back"), "acme")
    expect(dict(call.trailing_metadata()).get("blob-back-bin"), b"\x00\xff\x07")
elif case == "deadline":
    expect_error(lambda: list(both(iter([b"hang"]), timeout=0.5)), grpc.StatusCode.DEADLINE_EXCEEDED)
elif case == "cancellation":
    call = both(iter([b"hang"]))
    next(call)
    call.cancel()
    expect_error(lambda: next(call), grpc.StatusCode.CANCELLED)
    expect(unary(b"cancelled?", timeout=10), b"yes")
elif case == "oversize":
    expect_error(lambda: unary(b"z" * (5 << 20), timeout=30), grpc.StatusCode.RESOURCE_EXHAUSTED)
elif case == "unknown-method":
    expect_error(lambda: channel.unary_unary("/interop.Test/Nothing")(b"", timeout=10), grpc.StatusCode.UNIMPLEMENTED)
elif case == "gzip":
    payload = b"z" * 100_000
    expect(unary(payload, timeout=10), payload)
else:
    raise SystemExit(f"unknown case {case}")
print("ok")
