/** Regression tests for what node-opcua-client 2.182.2 does to a process and to a connection. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { after, before, describe, it } from 'mocha';
import { pause, until } from '../../harness/clock.ts';
import { bench, stateFolder } from './test/bench.ts';
import { startFakeServer, type FakeServer } from './test/fake-server.ts';
import { startRawPeer } from './test/raw-peer.ts';
import { TestTap } from './test/test-tap.ts';

const version = 'nsu=urn:fieldproof:opcua-driver-test;s=Device.Version';

interface Report {
  loaded: boolean;
  timers: string[];
  lookups: string[];
  opensslConfiguration: string | null;
}

describe('opcua and its library', () => {
  let server: FakeServer;
  before(async () => {
    server = await startFakeServer();
  });
  after(async () => {
    await server.stop();
  });

  async function runOnce(reads: number): Promise<{ report: Report; stdout: string }> {
    const folder = await stateFolder();
    const script = fileURLToPath(new URL('./test/session-once.ts', import.meta.url));
    // Without OPENSSL_CONF: node-opcua may have left the word "undefined" in this process, where the server runs.
    const { OPENSSL_CONF: _, ...env } = process.env;
    const args = ['--import', 'tsx', script, String(server.port), folder.stateDir, String(reads)];
    const child = spawn(process.execPath, args, { env });
    try {
      let stdout = '';
      let stderr = '';
      child.stdout.on('data', (part: Buffer) => (stdout += part.toString()));
      child.stderr.on('data', (part: Buffer) => (stderr += part.toString()));
      const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
      assert.equal(code, 0, stderr);
      const report = JSON.parse(stdout) as Report;
      return { report, stdout };
    } finally {
      child.kill('SIGKILL');
      await folder.remove();
    }
  }

  it('is not loaded by a wire that is opened and never used (430 ms, 60 MB)', async () => {
    const { report } = await runOnce(0);
    assert.equal(report.loaded, false);
  });

  it('leaves no timer or socket, prints nothing, asks no name server, and lets the process end', async () => {
    const { report, stdout } = await runOnce(2); // it ended by itself, or the test would wait for ever
    assert.equal(report.loaded, true);
    assert.deepEqual(report.timers, []);
    assert.equal(stdout.trim().split('\n').length, 1, stdout);
    const names = report.lookups.filter((name) => name !== '127.0.0.1');
    assert.deepEqual(names, [], 'the own host name was looked up');
    assert.equal(report.opensslConfiguration, null, 'of what this process starts');
  });

  it('prints nothing when connecting fails', async () => {
    const printed: unknown[] = [];
    const real = console.log;
    console.log = (...args: unknown[]) => void printed.push(args);
    try {
      for (const how of ['garbage', 'reset', 'error'] as const) {
        const peer = await startRawPeer(how);
        const made = await bench({ port: peer.port, securityMode: 'Sign' });
        await made.driver.open();
        await assert.rejects(made.driver.nodes.read(version));
        await made.dispose();
        await peer.stop();
      }
    } finally {
      console.log = real;
    }
    assert.deepEqual(printed, []);
  });

  it('does not break an idle connection (its own transport does, after half of transportTimeout)', async () => {
    const tap = new TestTap(server.port);
    await tap.listen();
    const connectWithinMs = 1600;
    const made = await bench({ port: tap.port, connectWithinMs });
    await made.driver.open();
    await made.driver.nodes.read(version);
    await pause(connectWithinMs * 1.25); // the fault is defined by time: it strikes at half of this, or at all of it
    await made.driver.nodes.read(version);
    assert.equal(tap.connections, 1);
    assert.deepEqual(made.losses, []);
    await made.dispose();
    await tap.stop();
  });

  it('does not reconnect behind our back (it would, one second after a loss)', async () => {
    const tap = new TestTap(server.port);
    await tap.listen();
    const made = await bench({ port: tap.port });
    await made.driver.open();
    const subscription = await made.driver.nodes.subscribeEvents(
      'i=2253',
      ['Message'],
      { publishingMs: 50 },
      () => {},
    );
    tap.cut();
    await until(() => made.losses[0], { withinMs: 3000, what: 'the loss' });
    await pause(1500); // node-opcua's retryDelay is 1000 ms
    assert.equal(tap.connections, 1);
    await subscription.close();
    await made.dispose();
    await tap.stop();
  });
});
