import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { z } from 'zod';
import { Bench, type DriverRegistry } from './bench.ts';
import type { BoardFile } from './board/index.ts';
import { noWireLog, type Driver, type DriverContext, type DriverSpec, type DriverState } from './driver.ts';
import { BenchError, PortError } from './errors.ts';

/** What a fake driver does wrong; absent members work. */
interface Behaviour {
  open?: () => Promise<void>;
  close?: () => Promise<void>;
  selfTest?: () => Promise<void>;
  off?: () => Promise<{ atMs: number }>;
  on?: () => Promise<{ atMs: number }>;
  told?: (on: boolean) => void;
}

const wires = ['console', 'power', 'tap', 'modbus'] as const;
type WireName = (typeof wires)[number];

describe('bench', () => {
  let stateDir = '';
  const log: string[] = [];
  const records: { action: string; wire?: string; ok: boolean }[] = [];
  const contexts = new Map<string, DriverContext>();
  const states = new Map<string, DriverState>();

  beforeEach(() => {
    stateDir = mkdtempSync(join(tmpdir(), 'fieldproof-bench-'));
    log.length = 0;
    records.length = 0;
  });
  afterEach(() => rmSync(stateDir, { recursive: true, force: true }));

  const driver = (name: string, context: DriverContext, behaviour: Behaviour = {}): Driver => {
    contexts.set(name, context);
    states.set(name, 'closed');
    return {
      kind: 'fake',
      name,
      get state() {
        return states.get(name) ?? 'closed';
      },
      open: async () => {
        log.push(`open ${name}`);
        await behaviour.open?.();
        states.set(name, 'open');
      },
      close: async () => {
        log.push(`close ${name}`);
        states.set(name, 'closed');
        await behaviour.close?.();
      },
      selfTest: async () => behaviour.selfTest?.(),
      devicePowerChanged: (on) => {
        behaviour.told?.(on);
        log.push(`${name} told ${on ? 'on' : 'off'}`);
      },
      ...(name === 'power'
        ? {
            power: {
              precise: true,
              off: behaviour.off ?? (async () => ({ atMs: 1 })),
              on: behaviour.on ?? (async () => ({ atMs: 2 })),
            },
          }
        : {}),
    };
  };

  const benchOf = (behaviours: Partial<Record<WireName, Behaviour>> = {}): Bench => {
    const spec: DriverSpec = {
      kind: 'fake',
      summary: 'fake',
      settings: z.strictObject({ name: z.string(), tap: z.string().optional() }),
      dependencies: ['tap'],
      adapters: [],
    };
    const registry: DriverRegistry = {
      spec: () => spec,
      load: async () => ({
        kind: 'fake',
        summary: 'fake',
        adapters: [],
        create: (settings: { name: WireName }, context) =>
          driver(settings.name, context, behaviours[settings.name]),
      }),
    };
    const board = {
      wires: Object.fromEntries(
        wires.map((name) => [
          name,
          { driver: 'fake', settings: { name, ...(name === 'modbus' ? { tap: 'tap' } : {}) } },
        ]),
      ),
      openingOrder: wires,
      profile: { power: 'power' },
    } as unknown as BoardFile;
    return new Bench({
      board,
      boardDir: stateDir,
      registry,
      stateDir,
      interactive: false,
      record: {
        append: (kind, payload) => void (kind === 'bench' && records.push(payload as never)),
        keepImage: ({ name, sha256 }) => ({ name, sha256 }),
        checkpoint: () => undefined,
        wireLog: () => noWireLog,
      },
    });
  };

  const fails = (message: string) => () => Promise.reject(new PortError('port-gone', message));
  const faults = async (bench: Bench): Promise<string[]> => (await bench.selfTest()).map(({ wire }) => wire);

  it('opens in the board’s order and closes in the reverse, twice without harm', async () => {
    const bench = benchOf();
    await bench.open();
    await Promise.all([bench.close(), bench.close()]);
    await bench.close();
    assert.deepEqual(log, [
      ...wires.map((name) => `open ${name}`),
      ...[...wires].reverse().map((name) => `close ${name}`),
    ]);
    assert.ok(records.every(({ ok }) => ok));
  });

  it('closes what was opened when one wire fails to open, and names it', async () => {
    const bench = benchOf({ tap: { open: fails('no such port') } });
    await assert.rejects(bench.open(), (error: Error) => {
      assert.match(error.message, /wire tap/);
      return (error.cause as Error).message === 'no such port';
    });
    assert.deepEqual(log.slice(-3), ['close tap', 'close power', 'close console']);
    assert.throws(() => bench.driver('console'), BenchError);
  });

  it('goes on closing past errors, and records each', async () => {
    const bench = benchOf({ modbus: { close: fails('stuck') }, power: { close: fails('stuck') } });
    await bench.open();
    await bench.close();
    assert.deepEqual(log.slice(-4), ['close modbus', 'close tap', 'close power', 'close console']);
    assert.deepEqual(
      records.filter(({ ok }) => !ok).map(({ wire }) => wire),
      ['modbus', 'power'],
    );
  });

  it('opens for the doctor whatever opens', async () => {
    const bench = benchOf({ power: { open: fails('no') } });
    const results = await bench.openWhatOpens();
    assert.deepEqual(
      results.filter(({ error }) => error !== undefined).map(({ wire }) => wire),
      ['power'],
    );
    await bench.close();
  });

  it('reopens what was lost, and tells what stays lost', async () => {
    let cable = true;
    const bench = benchOf({ modbus: { open: async () => (cable ? undefined : fails('still gone')()) } });
    await bench.open();
    cable = false;
    states.set('modbus', 'lost');
    contexts.get('modbus')?.lost(new PortError('port-gone', 'unplugged'));
    assert.deepEqual(
      (await bench.reopenLost()).map(({ wire }) => wire),
      ['modbus'],
    );
    cable = true;
    assert.deepEqual(await bench.reopenLost(), []);
    assert.deepEqual(await bench.reopenLost(), [], 'a wire that came back is not reopened again');
    await bench.close();
  });

  it('takes a wire for faulty when the one that it depends on is', async () => {
    const bench = benchOf({ tap: { selfTest: fails('listener gone') } });
    await bench.open();
    assert.deepEqual(await faults(bench), ['tap', 'modbus']);
    await bench.close();
  });

  it('tells every driver of the supply, before it goes and after it came, whatever one of them does', async () => {
    const bench = benchOf({
      console: {
        told: () => {
          throw new Error('a driver’s bug');
        },
      },
    });
    await bench.open();
    const power = bench.power('power');
    log.length = 0;
    await power.off();
    await power.on();
    assert.deepEqual(log, [
      ...wires.slice(1).map((name) => `${name} told off`),
      ...wires.slice(1).map((name) => `${name} told on`),
    ]);
    await bench.close();
  });

  it('switches a last time, and then for nobody: a case that was interrupted goes on for a while', async () => {
    let finish: () => void = () => undefined;
    const underWay = new Promise<void>((resolve) => (finish = resolve));
    const told: boolean[] = [];
    const bench = benchOf({
      power: { on: () => underWay.then(() => ({ atMs: 1 })) },
      console: { told: (on) => told.push(on) },
    });
    await bench.open();
    const power = bench.power('power');
    const interrupted = power.on();
    const rest = bench.rest(power, 'off');
    await assert.rejects(power.on(), { code: 'supply-at-rest' });
    finish();
    await Promise.all([interrupted, rest]);
    const switched = records.map(({ action }) => action).filter((action) => action.startsWith('power'));
    assert.deepEqual(switched, ['power on', 'power off'], 'the last one asked for is the last one done');
    assert.deepEqual(told, [true, false]);
    await assert.rejects(power.off(), { code: 'supply-at-rest' });
    await bench.rest(power, 'off'); // a second signal
    assert.equal(records.filter(({ action }) => action === 'power off').length, 2);
  });

  it('is in doubt about a supply that is off, or whose switching failed, until it is on again', async () => {
    let works = true;
    const bench = benchOf({ power: { on: async () => (works ? { atMs: 1 } : fails('relay stuck')()) } });
    await bench.open();
    const power = bench.power('power');
    assert.deepEqual(await faults(bench), []);
    await power.off();
    assert.deepEqual(await faults(bench), ['power']);
    works = false;
    await assert.rejects(power.on(), PortError);
    assert.deepEqual(await faults(bench), ['power']);
    assert.deepEqual(records.at(-1), { action: 'power on', wire: 'power', ok: false, detail: 'relay stuck' });
    works = true;
    await power.on();
    assert.deepEqual(await faults(bench), []);
    await bench.close();
  });

  it('cannot switch with a wire that is no supply, nor use one that is not open', async () => {
    const bench = benchOf();
    assert.throws(() => bench.driver('console'), BenchError);
    await bench.open();
    assert.throws(() => bench.power('console'), /cannot switch/);
    await bench.close();
  });
});
