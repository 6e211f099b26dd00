import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { z } from 'zod';
import type { Bench } from './bench.ts';
import type { BoardFile } from './board/index.ts';
import type { Answer } from './capabilities.ts';
import { composeDevice } from './device.ts';
import type { AdapterRole } from './driver.ts';
import { BenchError, DriverError, FrameError, PortError, TimeoutError } from './errors.ts';

type Adapters = Partial<Record<string, { role: AdapterRole; made: unknown }>>;

const use = (adapter: string, extra: object = {}) => ({ adapter, wire: 'w', settings: {}, ...extra });
const value = (read: () => Promise<string | number>) => ({ role: 'value' as const, made: { read } });
const action = (answer: Answer) => ({ role: 'action' as const, made: { perform: async () => answer } });
const yes: Answer = { kind: 'accepted', elapsedMs: 1 };

/** A device of these profile entries, on one wire that offers these adapters. */
function device(profile: object, adapters: Adapters) {
  const modules = Object.entries(adapters).map(([name, entry]) => ({
    name,
    role: entry?.role,
    create: () => entry?.made,
  }));
  const bench = {
    module: () => ({ adapters: modules }),
    spec: () => ({ adapters: modules.map(({ name }) => ({ name, settings: z.object({}) })) }),
    resolve: (settings: unknown) => settings,
    driver: () => ({ tap: 'a tap', attacks: [{ name: 'repeat' }] }),
    power: (name: string) => ({ name }),
  } as unknown as Bench;
  const board = { profile: { ready: use('ready'), ...profile } } as unknown as BoardFile;
  return composeDevice(bench, board);
}
const ready = { ready: value(async () => 'up') };

describe('composition of a device', () => {
  it('leaves out what the profile does not name', () => {
    const made = device({}, ready);
    assert.deepEqual(Object.keys(made).sort(), ['linkAttacks', 'waitUntilReady']);
    assert.equal(made.linkAttacks.size, 0);
  });

  it('refuses an adapter that the wire has not, or has for something else', () => {
    assert.throws(() => device({ process: { read: use('none') } }, ready), DriverError);
    assert.throws(() => device({ audit: use('ready') }, ready), /no adapter ready for audit/);
  });

  it('needs one sign of readiness, and falls back to the version', async () => {
    const firmware = { version: use('version'), ingresses: {} };
    const made = device({ ready: undefined, firmware }, { version: value(async () => '1.2') });
    await made.waitUntilReady(100);
    assert.throws(() => device({ ready: undefined }, {}), /nothing that shows/);
  });

  it('waits over errors of a device that boots, and tells the last one when it never comes', async () => {
    let looks = 0;
    const booting = value(async () => {
      looks += 1;
      if (looks < 3) throw new TimeoutError('no-reply', 'nothing yet');
      return 'up';
    });
    assert.ok((await device({}, { ready: booting }).waitUntilReady(2000)).tookMs >= 0);
    const never = value(() => Promise.reject(new PortError('refused', 'connection refused')));
    await assert.rejects(device({}, { ready: never }).waitUntilReady(50), (error: Error) => {
      return error instanceof TimeoutError && (error.cause as Error).message === 'connection refused';
    });
    const bug = value(() => Promise.reject(new TypeError('bug')));
    await assert.rejects(device({}, { ready: bug }).waitUntilReady(50), TypeError);
  });

  it('reads the state term by term, and says what it cannot see', async () => {
    const firmware = {
      version: use('version'),
      securityCounter: use('counter'),
      ingresses: { a: use('way') },
    };
    const made = device(
      { firmware },
      {
        ...ready,
        version: value(async () => 3),
        counter: value(async () => '7'),
        way: { role: 'ingress', made: { offer: async () => yes } },
      },
    );
    const state = await made.firmware?.readState();
    assert.deepEqual(state?.version, { observable: true, value: '3' });
    assert.deepEqual(state?.securityCounter, { observable: true, value: 7 });
    assert.equal(state?.digest.observable, false);
    assert.deepEqual(made.firmware?.ingresses, ['a']);
    assert.equal('confirm' in (made.firmware ?? {}), false);
    assert.throws(() => made.firmware?.activate('a'), /no way to activate/);
    assert.throws(
      () => made.firmware?.offer({ name: 'x', bytes: Buffer.of(), sha256: '' }, 'b'),
      /no ingress named b/,
    );
  });

  for (const text of ['n/a', '', 'NaN', 'Infinity']) {
    it(`takes ${JSON.stringify(text)} for no number, wherever one is due`, async () => {
      const bad = {
        ...ready,
        bad: value(async () => text),
        messages: { role: 'messages' as const, made: {} },
      };
      const commands = { messages: use('messages'), effect: use('bad'), counter: use('bad') };
      const process = { read: use('bad'), unit: 'bar', changesWithinMs: 1 };
      const firmware = { securityCounter: use('bad'), ingresses: {} };
      const made = device({ commands, process, firmware }, bad);
      const reads = [
        () => made.process?.read(),
        () => made.commands?.readEffect(),
        () => made.commands?.readCounter?.(),
        () => made.firmware?.readState(),
      ];
      for (const read of reads) await assert.rejects(async () => read(), FrameError);
    });
  }

  it('hears all alarm wires, names them, and keeps failures apart', async () => {
    let alarm: (event: object) => void = () => undefined;
    let failure: (error: unknown) => void = () => undefined;
    const source = {
      listen: async (onAlarm: typeof alarm, onFailure: typeof failure) => {
        alarm = onAlarm;
        failure = onFailure;
        return async () => undefined;
      },
    };
    const made = device(
      { alarms: { console: use('alarm') } },
      { ...ready, alarm: { role: 'alarm', made: source } },
    );
    const listener = await made.alarms?.listen();
    alarm({ object: 'code', text: 'x', atMs: 1, uncertaintyMs: 0 });
    failure(new Error('gone'));
    assert.equal(listener?.events[0]?.wire, 'console');
    assert.equal(listener?.failures[0]?.wire, 'console');
  });

  it('closes the alarm wires that were opened when another fails, and all of them in the end', async () => {
    const closed: string[] = [];
    const good = (name: string, close: () => Promise<void>) => ({
      role: 'alarm' as const,
      made: {
        listen: async () => async () => {
          closed.push(name);
          await close();
        },
      },
    });
    const refuses = {
      role: 'alarm' as const,
      made: { listen: () => Promise.reject(new BenchError('b', 'no')) },
    };
    const fine = async (): Promise<void> => undefined;
    const broken = device(
      { alarms: { a: use('a'), b: use('b') } },
      { ...ready, a: good('a', fine), b: refuses },
    );
    await assert.rejects(async () => broken.alarms?.listen(), /no/);
    assert.deepEqual(closed, ['a']);
    closed.length = 0;
    const stuck = (): Promise<void> => Promise.reject(new BenchError('b', 'stuck'));
    const made = device(
      { alarms: { a: use('a'), b: use('b') } },
      { ...ready, a: good('a', stuck), b: good('b', fine) },
    );
    const listener = await made.alarms?.listen();
    await assert.rejects(async () => listener?.close(), /stuck/);
    assert.deepEqual(closed, ['a', 'b']);
  });

  it('tampers only in declared ways, and takes no silence for success', async () => {
    const kinds = { memory: use('tamper'), code: use('silent') };
    const silent = action({ kind: 'silent', elapsedMs: 1 });
    const made = device({ tamper: { kinds } }, { ...ready, tamper: action(yes), silent });
    assert.deepEqual(made.tamper?.kinds, ['memory', 'code']);
    assert.ok((await made.tamper?.apply('memory'))?.atMs);
    await assert.rejects(async () => made.tamper?.apply('code'), /silent/);
    await assert.rejects(async () => made.tamper?.apply('other'), /declares no tampering/);
    await made.tamper?.restore();
  });

  it('knows the end of the log from what it has read', async () => {
    const asked: number[] = [];
    const log = {
      role: 'audit' as const,
      made: {
        since: async (sequence: number) => {
          asked.push(sequence);
          return sequence < 9 ? [{ sequence: 9 }] : [];
        },
      },
    };
    const made = device({ audit: use('log') }, { ...ready, log });
    assert.equal(await made.audit?.latest(), 9);
    assert.equal(await made.audit?.latest(), 9);
    assert.deepEqual(asked, [0, 9, 8], 'the last one known is still there');
  });

  it('takes a log that begins anew for what it is', async () => {
    let events = [{ sequence: 7 }, { sequence: 8 }];
    const log = {
      role: 'audit' as const,
      made: { since: async (sequence: number) => events.filter((event) => event.sequence > sequence) },
    };
    const made = device({ audit: use('log') }, { ...ready, log });
    assert.equal(await made.audit?.latest(), 8);
    events = [{ sequence: 1 }]; // the log lived in memory, and the device has restarted
    assert.deepEqual(await made.audit?.since(8), [{ sequence: 1 }]);
    assert.equal(await made.audit?.latest(), 1);
  });

  it('takes tap, supply and attacks from the wires that are named', () => {
    const commands = { messages: use('messages'), effect: use('ready'), tap: 'w' };
    const messages = { role: 'messages' as const, made: {} };
    const made = device({ commands, power: 'p', linkAttacks: ['w'] }, { ...ready, messages });
    assert.equal(made.commands?.tap, 'a tap');
    assert.deepEqual(made.power, { name: 'p' });
    assert.deepEqual([...made.linkAttacks.keys()], ['repeat']);
  });
});
