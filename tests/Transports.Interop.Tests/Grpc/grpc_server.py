"""A gRPC server on grpcio for our client to call. Prints its port, serves until its input ends."""
import sys
import threading
import time
from concurrent import futures

import grpc

cancelled = threading.Event()


def unary(request, context):
    metadata = dict(context.invocation_metadata())
    if "tenant" in metadata:
        context.send_initial_metadata([("tenant-back", metadata["tenant"])])
        context.set_trailing_metadata([("blob-back-bin", metadata["blob-bin"])])
    if request == b"fail":
        context.abort(grpc.StatusCode.NOT_FOUND, "Größe 100 % – nicht da ✓")
    if request == b"cancelled?":
        return b"yes" if cancelled.wait(10) else b"no"
    return request


def server_stream(request, context):
    for i in range(request[0]):
        yield bytes([i])


def client_stream(requests, context):
    return str(sum(len(r) for r in requests)).encode()


def both(requests, context):
    epilogue = "epilogue" in dict(context.invocation_metadata())
    for request in requests:
        if request == b"hang":
            # Before the answer: a client that cancels once it has that may be quicker than grpcio is back from sending it, and then
            # this generator is never resumed.
            context.add_callback(cancelled.set)
        yield request
        if request == b"hang":
            while context.is_active():
                time.sleep(0.01)
            return
    if epilogue:
        yield b"epilogue"


handlers = {
    "Unary": grpc.unary_unary_rpc_method_handler(unary),
    "ServerStream": grpc.unary_stream_rpc_method_handler(server_stream),
    "ClientStream": grpc.stream_unary_rpc_method_handler(client_stream),
    "Both": grpc.stream_stream_rpc_method_handler(both),
}
options = [("grpc.max_receive_message_length", 4 << 20)]
compression = grpc.Compression.Gzip if "gzip" in sys.argv else None
server = grpc.server(futures.ThreadPoolExecutor(max_workers=8), options=options, compression=compression)
server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("interop.Test", handlers),))
port = server.add_insecure_port("127.0.0.1:0")
server.start()
print(port, flush=True)
sys.stdin.read()
server.stop(0)
