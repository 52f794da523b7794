// A gRPC-Web client on @protobuf-ts/grpcweb-transport. Usage: node grpc_web_client.js PORT binary|text
'use strict';
const assert = require('node:assert');
const { MessageType } = require('../node/node_modules/@protobuf-ts/runtime');
const { ServiceType } = require('../node/node_modules/@protobuf-ts/runtime-rpc');
const { GrpcWebFetchTransport } = require('../node/node_modules/@protobuf-ts/grpcweb-transport');

const [port, format] = process.argv.slice(2);
const Text = new MessageType('interop.Text', [{ no: 1, name: 'text', kind: 'scalar', T: 9 }]);
const service = new ServiceType('interop.Test', [
  { name: 'Unary', I: Text, O: Text, options: {} },
  { name: 'Thrice', serverStreaming: true, I: Text, O: Text, options: {} },
  { name: 'Fail', I: Text, O: Text, options: {} },
]);
const transport = new GrpcWebFetchTransport({ baseUrl: `http://127.0.0.1:${port}`, format });
const options = transport.mergeOptions({});

async function main() {
  const [unary, thrice, fail] = service.methods;
  for (const text of ['hällo', 'x'.repeat(100000), '']) {
    assert.strictEqual((await transport.unary(unary, { text }, options).response).text, text);
  }
  const received = [];
  const call = transport.serverStreaming(thrice, { text: 'again' }, options);
  for await (const message of call.responses) {
    received.push(message.text);
  }
  assert.deepStrictEqual(received, ['again', 'again', 'again']);
  assert.strictEqual((await call.status).code, 'OK');
  await assert.rejects(transport.unary(fail, { text: '' }, options).response, (error) => {
    assert.strictEqual(error.code, 'NOT_FOUND');
    assert.strictEqual(decodeURIComponent(error.message), 'Größe 100 % – nicht da ✓');
    return true;
  });
}

main().then(() => console.log('ok'), (error) => {
  console.error(error);
  process.exit(1);
});
