import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import type net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'mocha';
import type * as Client from 'node-opcua-client';
import { errorCodeOf, splitChunks, typeOf } from './fixture-chunks.ts';
import { Clients, ModuleInTest, operator, type Passage, until, valueOf } from './fixture.ts';
import { Renumbering } from './sequence-guard.ts';

const repeated = 'repeated sequence number';
const badTcpInternalError = 0x80820000;

describe('Renumbering', () => {
  it('counts a repeated number on, and leaves a gap a gap', () => {
    const numbers = new Renumbering();
    assert.deepEqual(
      [1, 2, 2, 3, 5, 4, 6].map((wire) => numbers.next(wire)),
      [1, 2, 3, 4, 6, 7, 8],
    );
  });
});

/** All that comes back on a socket until it is closed. */
async function collect(socket: net.Socket): Promise<Buffer> {
  const parts: Buffer[] = [];
  socket.on('data', (data: Buffer) => parts.push(data));
  // A reset is an end too.
  socket.on('error', () => {});
  await once(socket, 'close');
  return Buffer.concat(parts);
}

/** Logs in and reads once, so that the last chunk from the client is a whole read request. */
async function readOnce(clients: Clients, module: ModuleInTest): Promise<[Client.ClientSession, Passage]> {
  const session = await clients.login(module.url, operator);
  assert.equal(await valueOf(session, 'Gateway.SecurityCounter'), 5);
  const passage = module.passages.at(-1);
  assert.ok(passage?.lastChunk);
  assert.equal(typeOf(passage.lastChunk), 'MSG');
  return [session, passage];
}

describe('the OPC UA module: sequence numbers, faithful', () => {
  const clients = new Clients();
  let module: ModuleInTest;
  let stateDir: string;

  before(async () => {
    stateDir = await mkdtemp(join(tmpdir(), 'sg1-opcua-'));
    module = await ModuleInTest.start({ stateDir });
  });

  after(async () => {
    await clients.close();
    await module.stop();
    await rm(stateDir, { recursive: true, force: true });
  });

  const logged = (): number =>
    module.messages.filter((sent) => sent.type === 'log' && sent.text === repeated).length;

  it('closes the channel when a chunk comes twice, says why, and logs it', async () => {
    const [, passage] = await readOnce(clients, module);
    const received: Buffer[] = [];
    passage.server.on('data', (data: Buffer) => received.push(data));
    const answers = (): string[] => splitChunks(Buffer.concat(received)).map(typeOf);
    assert.ok(passage.lastChunk);
    passage.server.write(passage.lastChunk);
    await until(() => passage.server.closed, 'the module to close the connection');
    assert.ok(!answers().includes('MSG'), `answered with ${answers().join(', ')}`);
    const error = splitChunks(Buffer.concat(received)).find((chunk) => typeOf(chunk) === 'ERR');
    assert.ok(error);
    assert.equal(errorCodeOf(error), badTcpInternalError);
    const log = await module.message((sent) => sent.type === 'log' && sent.event === 'channel-closed');
    assert.deepEqual(log, {
      type: 'log',
      event: 'channel-closed',
      object: 'opcua',
      result: 'refused',
      text: repeated,
    });
    assert.equal(logged(), 1);
  });

  it('serves the next client as before', async () => {
    const [session] = await readOnce(clients, module);
    assert.equal(await valueOf(session, 'Gateway.Version'), '1.2.0+0');
    assert.equal(logged(), 1);
  });

  it('refuses a whole connection that is sent again, in the same process and after a restart', async () => {
    const [session, passage] = await readOnce(clients, module);
    await session.close();
    const recording = passage.sent;
    assert.deepEqual(splitChunks(recording).map(typeOf).slice(0, 2), ['HEL', 'OPN']);
    // Patiently, as a careful attacker would: each chunk after the answer to the one before it.
    const replay = async (): Promise<string[]> => {
      const socket = await module.connect();
      const received: Buffer[] = [];
      const answers = (): string[] => splitChunks(Buffer.concat(received)).map(typeOf);
      socket.on('data', (data: Buffer) => received.push(data));
      socket.on('error', () => {});
      for (const chunk of splitChunks(recording)) {
        const count = answers().length;
        if (socket.writable) socket.write(chunk);
        await until(() => answers().length > count || socket.closed, 'an answer or the end');
      }
      await until(() => socket.closed, 'the module to close the connection');
      return answers();
    };
    const live = await replay();
    assert.deepEqual(live.slice(0, 2), ['ACK', 'OPN']); // the OPN carries a ServiceFault: this nonce has been used
    assert.ok(!live.includes('MSG'), live.join(', '));
    await module.stop();
    module = await ModuleInTest.start({ stateDir });
    // A new process has forgotten the client's nonce, so the channel may open; its new keys then unmask the rest.
    assert.deepEqual(await replay(), ['ACK', 'OPN', 'ERR']);
  });

  it('ends a connection that is sent again all at once, with an error', async () => {
    const [session, passage] = await readOnce(clients, module);
    await session.close();
    const socket = await module.connect();
    const answer = collect(socket);
    socket.write(passage.sent);
    const chunks = splitChunks(await answer);
    assert.deepEqual(chunks.map(typeOf), ['ACK', 'ERR']);
    await module.message((sent) => sent.type === 'log' && sent.text === 'no secure channel opened');
  });

  it('kept its key and certificate over that restart, and trusts the client it knows', async () => {
    const [session] = await readOnce(clients, module);
    assert.equal(await valueOf(session, 'Gateway.Version'), '1.2.0+0');
    const other = await ModuleInTest.start();
    try {
      assert.notEqual(other.listening.fingerprint, module.listening.fingerprint);
    } finally {
      await other.stop();
    }
  });
});

describe('the OPC UA module: sequence numbers, with opcua-accepts-repeated-sequence', () => {
  const clients = new Clients();
  let module: ModuleInTest;

  before(async () => {
    module = await ModuleInTest.start({ defects: ['opcua-accepts-repeated-sequence'] });
  });

  after(async () => {
    await clients.close();
    await module.stop();
  });

  it('answers a chunk that comes twice as if it were new', async () => {
    const [, passage] = await readOnce(clients, module);
    const received: Buffer[] = [];
    passage.server.on('data', (data: Buffer) => received.push(data));
    assert.ok(passage.lastChunk);
    passage.server.write(passage.lastChunk);
    await until(() => splitChunks(Buffer.concat(received)).length > 0, 'an answer');
    assert.deepEqual(splitChunks(Buffer.concat(received)).map(typeOf), ['MSG']);
    assert.ok(!passage.server.closed);
    assert.ok(!module.messages.some((sent) => sent.type === 'log'));
  });
});
