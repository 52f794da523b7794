// A gRPC server on @grpc/grpc-js for our client to call. Prints its port, serves until its input ends.
'use strict';
const grpc = require('../node/node_modules/@grpc/grpc-js');

const raw = (value) => value;
const method = (name, requestStream, responseStream) => ({
  path: `/interop.Test/${name}`, requestStream, responseStream,
  requestSerialize: raw, requestDeserialize: raw, responseSerialize: raw, responseDeserialize: raw,
});
let wasCancelled;
const cancelled = new Promise((resolve) => { wasCancelled = resolve; });

const server = new grpc.Server({
  'grpc.max_receive_message_length': 4 << 20,
  ...(process.argv.includes('gzip') ? { 'grpc.default_compression_algorithm': 2 } : {}),
});
server.addService({
  Unary: method('Unary', false, false),
  ServerStream: method('ServerStream', false, true),
  ClientStream: method('ClientStream', true, false),
  Both: method('Both', true, true),
}, {
  async Unary(call, callback) {
    const trailers = new grpc.Metadata();
    if (call.metadata.get('tenant').length > 0) {
      const initial = new grpc.Metadata();
      initial.set('tenant-back', call.metadata.get('tenant')[0]);
      call.sendMetadata(initial);
      trailers.set('blob-back-bin', call.metadata.get('blob-bin')[0]);
    }
    const text = call.request.length < 20 ? call.request.toString() : '';
    if (text === 'fail') {
      callback({ code: grpc.status.NOT_FOUND, details: 'Größe 100 % – nicht da ✓' });
    } else if (text === 'cancelled?') {
      await cancelled;
      callback(null, Buffer.from('yes'));
    } else {
      callback(null, call.request, trailers);
    }
  },
  ServerStream(call) {
    for (let i = 0; i < call.request[0]; i++) {
      call.write(Buffer.from([i]));
    }
    call.end();
  },
  ClientStream(call, callback) {
    let sum = 0;
    call.on('data', (message) => { sum += message.length; });
    call.on('end', () => callback(null, Buffer.from(String(sum))));
  },
  Both(call) {
    let hangs = false;
    call.on('cancelled', wasCancelled);
    call.on('data', (message) => {
      hangs ||= message.toString() === 'hang';
      if (!call.write(message)) {
        call.pause();
        call.once('drain', () => call.resume());
      }
    });
    call.on('end', () => {
      if (call.metadata.get('epilogue').length > 0) {
        call.write(Buffer.from('epilogue'));
      }
      if (!hangs) {
        call.end();
      }
    });
  },
});
server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) => {
  if (error) {
    throw error;
  }
  console.log(port);
});
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
