/** An open62541 server for the tests of one `describe`, and our driver on it. */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before } from 'mocha';
import { bench, type Bench, type SettingsInput } from '../../../drivers/opcua/test/bench.ts';
import type { BenchError } from '../../../harness/errors.ts';
import { startServer, type RunningServer, type Stance } from './device.ts';

/** Node id of the server's namespace. */
export const id = (name: string): string => `nsu=urn:fieldproof:open62541;s=${name}`;
/** Slow machines sign slowly: a session takes some RSA operations on either side. */
export const replyWithinMs = 3000;

/** Registers its start and its end. Drivers are closed after each test. */
export function serving(how: Stance) {
  let folder = '';
  let server: RunningServer | undefined;
  let made: Bench | undefined;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'fieldproof-open62541-'));
    server = await startServer(how, folder);
  });
  afterEach(async () => {
    await made?.dispose();
    made = undefined;
  });
  after(async () => {
    await server?.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const running = (): RunningServer => {
    assert.ok(server, 'the server is not running');
    return server;
  };
  const open = async (settings: SettingsInput): Promise<Bench> => {
    made = await bench({ port: running().port, replyWithinMs, ...settings }, { boardDir: folder });
    await made.driver.open();
    return made;
  };
  return {
    folder: () => folder,
    running,
    open,
    reads: async (settings: SettingsInput) => (await open(settings)).driver.nodes.read(id('Device.Version')),
    refusal: async (settings: SettingsInput): Promise<BenchError> => {
      const { driver } = await open(settings);
      const outcome = await driver.nodes.read(id('Device.Version')).then(
        () => undefined,
        (error: unknown) => error as BenchError,
      );
      assert.ok(outcome, 'the server let it pass');
      return outcome;
    },
  };
}
export type Serving = ReturnType<typeof serving>;
