import assert from 'node:assert/strict';
import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, it } from 'mocha';
import { Clients, ModuleInTest, operator, valueOf } from './fixture.ts';

describe('the OPC UA module: its process', () => {
  it('ends at once, with status 0, when the device is gone, clients or not', async () => {
    const clients = new Clients();
    const module = await ModuleInTest.start();
    try {
      await valueOf(await clients.login(module.url, operator), 'Gateway.Version');
      const left = performance.now();
      module.disconnect();
      assert.equal(await module.exited, 0);
      const tookMs = performance.now() - left;
      // Measured: 30 ms. A name look-up or a key in the making would hold it for seconds.
      assert.ok(tookMs < 2_000, `took ${Math.round(tookMs)} ms to end`);
    } finally {
      await module.stop();
      await clients.close();
    }
  });

  it('makes its key once, and keeps the clients that it has come to trust', async () => {
    const stateDir = await mkdtemp(join(tmpdir(), 'sg1-opcua-'));
    const clients = new Clients();
    const key = join(stateDir, 'pki', 'own', 'private', 'private_key.pem');
    const trusted = join(stateDir, 'pki', 'trusted', 'certs');
    try {
      const first = await ModuleInTest.start({ stateDir });
      const firstKey = await readFile(key, 'utf8').finally(() => first.stop());
      assert.deepEqual(await readdir(trusted), []);
      const second = await ModuleInTest.start({ stateDir });
      try {
        await clients.login(second.url, operator);
        assert.equal((await readdir(trusted)).length, 1);
        assert.equal(await readFile(key, 'utf8'), firstKey);
        assert.equal(second.listening.fingerprint, first.listening.fingerprint);
        assert.match(second.listening.fingerprint, /^[0-9a-f]{40}$/);
      } finally {
        await second.stop();
      }
    } finally {
      await clients.close();
      await rm(stateDir, { recursive: true, force: true });
    }
  });

  it('says what the start message lacks', async () => {
    const path = fileURLToPath(new URL('server.ts', import.meta.url));
    const child = fork(path, [], { execArgv: ['--import', 'tsx/esm'], silent: true });
    let printed = '';
    child.stderr?.on('data', (data: Buffer) => (printed += data.toString()));
    child.send({ type: 'start', stateDir: '/nowhere', publicPort: 4840 });
    const [code] = (await once(child, 'close')) as [number | null];
    assert.equal(code, 1);
    assert.match(printed, /lacks identity, confirmWithinMs, stalledAfterMs, defects/);
  });

  it('says what it is when it is started by hand', async () => {
    const path = fileURLToPath(new URL('server.ts', import.meta.url));
    const child = spawn(process.execPath, ['--import', 'tsx/esm', path], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let printed = '';
    child.stderr.on('data', (data: Buffer) => (printed += data.toString()));
    const [code] = (await once(child, 'close')) as [number | null];
    assert.equal(code, 64);
    assert.match(printed, /simulated gateway/);
  });
});
