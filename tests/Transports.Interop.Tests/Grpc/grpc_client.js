// A gRPC client on @grpc/grpc-js that calls every shape of method, and checks what comes back.
// Messages are plain bytes: no generated code is needed to test the wire. Usage: node grpc_client.js PORT CASE
'use strict';
const assert = require('node:assert');
const grpc = require('../node/node_modules/@grpc/grpc-js');

const [port, name] = process.argv.slice(2);
const raw = (value) => value;
const options = { 'grpc.max_receive_message_length': 128 << 20, 'grpc.max_send_message_length': 128 << 20 };
if (name === 'gzip') {
  options['grpc.default_compression_algorithm'] = 2;
}
const client = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure(), options);
const within = (ms) => ({ deadline: Date.now() + ms });
const path = (method) => `/interop.Test/${method}`;

function unary(payload, metadata = new grpc.Metadata(), method = 'Unary') {
  return new Promise((resolve, reject) => {
    const seen = {};
    const call = client.makeUnaryRequest(path(method), raw, raw, payload, metadata, within(30000),
      (error, value) => (error ? reject(error) : setImmediate(() => resolve({ value, ...seen }))));
    call.on('metadata', (initial) => { seen.initial = initial; });
    call.on('status', (status) => { seen.status = status; });
  });
}
const both = (metadata = new grpc.Metadata(), ms = 60000) => client.makeBidiStreamRequest(path('Both'), raw, raw, metadata, within(ms));
async function all(call) {
  const received = [];
  for await (const message of call) {
    received.push(message);
  }
  return received;
}
const fails = (promise, code, details) => assert.rejects(promise, (e) => {
  assert.strictEqual(e.code, code, e.message);
  if (details !== undefined) {
    assert.strictEqual(e.details, details);
  }
  return true;
});

const cases = {
  async unary() { assert.deepStrictEqual((await unary(Buffer.from('ping'))).value, Buffer.from('ping')); },
  async 'server-streaming'() {
    const call = client.makeServerStreamRequest(path('ServerStream'), raw, raw, Buffer.from([5]), new grpc.Metadata(), within(10000));
    assert.deepStrictEqual(await all(call), [0, 1, 2, 3, 4].map((i) => Buffer.from([i])));
  },
  async 'client-streaming'() {
    const value = await new Promise((resolve, reject) => {
      const call = client.makeClientStreamRequest(path('ClientStream'), raw, raw, new grpc.Metadata(), within(10000),
        (error, answer) => (error ? reject(error) : resolve(answer)));
      ['a', 'bb', 'ccc'].forEach((text) => call.write(Buffer.from(text)));
      call.end();
    });
    assert.deepStrictEqual(value, Buffer.from('6'));
  },
  async bidirectional() {
    const call = both();
    let next = 0;
    call.write(Buffer.from([next]));
    for await (const message of call) {
      assert.deepStrictEqual(message, Buffer.from([next++]));
      next < 20 ? call.write(Buffer.from([next])) : call.end();
    }
    assert.strictEqual(next, 20);
  },
  async 'half-close'() {
    const metadata = new grpc.Metadata();
    metadata.set('epilogue', '1');
    const call = both(metadata);
    call.write(Buffer.from('x'));
    call.end();
    assert.deepStrictEqual(await all(call), [Buffer.from('x'), Buffer.from('epilogue')]);
  },
  error: () => fails(unary(Buffer.from('fail')), grpc.status.NOT_FOUND, 'Größe 100 % – nicht da ✓'),
  async '3mb'() {
    const payload = Buffer.alloc(3 << 20, 'abcdefg');
    assert.ok((await unary(payload)).value.equals(payload));
  },
  async '60mb'() {
    const payload = Buffer.alloc(1 << 20, 0x5a);
    const call = both();
    const receiving = all(call);
    for (let i = 0; i < 60; i++) {
      if (!call.write(payload)) {
        await new Promise((resolve) => call.once('drain', resolve));
      }
    }
    call.end();
    const received = await receiving;
    assert.strictEqual(received.length, 60);
    assert.ok(received.every((message) => message.equals(payload)));
  },
  async metadata() {
    const metadata = new grpc.Metadata();
    metadata.set('tenant', 'acme');
    metadata.set('blob-bin', Buffer.from([0, 255, 7]));
    const answer = await unary(Buffer.from('ping'), metadata);
    assert.deepStrictEqual(answer.initial.get('tenant-back'), ['acme']);
    assert.deepStrictEqual(answer.status.metadata.get('blob-back-bin'), [Buffer.from([0, 255, 7])]);
  },
  async deadline() {
    const call = both(undefined, 500);
    call.write(Buffer.from('hang'));
    await fails(all(call), grpc.status.DEADLINE_EXCEEDED);
  },
  async cancellation() {
    const call = both();
    call.write(Buffer.from('hang'));
    await new Promise((resolve) => call.once('data', resolve));
    const ended = new Promise((resolve) => call.once('error', resolve));
    call.cancel();
    assert.strictEqual((await ended).code, grpc.status.CANCELLED);
    assert.deepStrictEqual((await unary(Buffer.from('cancelled?'))).value, Buffer.from('yes'));
  },
  oversize: () => fails(unary(Buffer.alloc(5 << 20)), grpc.status.RESOURCE_EXHAUSTED),
  'unknown-method': () => fails(unary(Buffer.alloc(0), undefined, 'Nothing'), grpc.status.UNIMPLEMENTED),
  async gzip() {
    const payload = Buffer.alloc(100000, 'z');
    assert.ok((await unary(payload)).value.equals(payload));
  },
};

cases[name]().then(() => {
  console.log('ok');
  client.close();
}, (error) => {
  console.error(error);
  process.exit(1);
});
