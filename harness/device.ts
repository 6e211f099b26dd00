/** Composes the device under test from a board's profile: each entry is an adapter on a wire. */

import type { BoardFile, AdapterUse } from './board/index.ts';
import type { Bench } from './bench.ts';
import {
  notObservable,
  seen,
  type AuditEvent,
  type AuditLog,
  type Commands,
  type Device,
  type Firmware,
  type LinkAttack,
  type Observed,
  type ProcessValue,
  type Tamper,
  type TimeSource,
} from './capabilities.ts';
import { alarmWires } from './alarm-wires.ts';
import { Deadline, monotonicMs, until } from './clock.ts';
import type { AdapterRole, AdapterRoles } from './driver.ts';
import { BenchError, DriverError, FrameError, TimeoutError } from './errors.ts';

export type Bind = <Role extends AdapterRole>(role: Role, use: AdapterUse) => AdapterRoles[Role];

/** Adapters by name from the module of the wire that a use names. */
function binder(bench: Bench): Bind {
  return (role, use) => {
    const adapter = bench.module(use.wire).adapters.find((entry) => entry.name === use.adapter);
    if (adapter === undefined || adapter.role !== role) {
      throw new DriverError('no-such-adapter', `wire ${use.wire} has no adapter ${use.adapter} for ${role}`);
    }
    const spec = bench.spec(use.wire).adapters.find((entry) => entry.name === use.adapter);
    const where = `${use.adapter} on ${use.wire}`;
    const settings = spec === undefined ? use.settings : bench.resolve(use.settings, spec.settings, where);
    return adapter.create(settings as never, bench.driver(use.wire)) as AdapterRoles[typeof role];
  };
}

/**
 * The device under test, as the board file describes it.
 *
 * @param bench open, with every wire that the profile names
 */
export function composeDevice(bench: Bench, board: BoardFile): Device {
  const { profile } = board;
  const bind = binder(bench);
  const ready = bind('value', readiness(profile));
  return {
    ...(profile.identity === undefined ? {} : { identity: bind('identity', profile.identity) }),
    ...(profile.firmware === undefined ? {} : { firmware: firmware(profile.firmware, bind) }),
    ...(profile.process === undefined ? {} : { process: processValue(profile.process, bind) }),
    ...(profile.alarms === undefined ? {} : { alarms: alarmWires(profile, bind) }),
    ...(profile.tamper === undefined ? {} : { tamper: tamper(profile.tamper, bind) }),
    ...(profile.commands === undefined ? {} : { commands: commands(profile.commands, bind, bench) }),
    ...(profile.audit === undefined ? {} : { audit: auditLog(profile.audit, bind) }),
    ...(profile.power === undefined ? {} : { power: bench.power(profile.power) }),
    ...(profile.restart === undefined ? {} : { restart: performing(bind('action', profile.restart)) }),
    ...(profile.time === undefined ? {} : { time: timeSource(profile.time, bind) }),
    linkAttacks: attacks(profile.linkAttacks ?? [], bench),
    waitUntilReady: (withinMs) => waitUntilReady(ready, withinMs),
  };
}

/** Asks for the sign of readiness until it comes; what went wrong last is the cause when it does not. */
async function waitUntilReady(ready: AdapterRoles['value'], withinMs: number): Promise<{ tookMs: number }> {
  const clock = new Deadline(withinMs);
  let last: unknown;
  const look = async (): Promise<string | number | undefined> => {
    try {
      return await ready.read();
    } catch (error) {
      if (!(error instanceof BenchError)) throw error;
      last = error; // not yet: the device boots
      return undefined;
    }
  };
  try {
    await until(look, { withinMs, what: 'a sign of readiness' });
  } catch (error) {
    if (!(error instanceof TimeoutError) || last === undefined) throw error;
    throw new TimeoutError(error.code, error.message, { data: error.data, cause: last });
  }
  return { tookMs: clock.elapsedMs };
}

/** What shows that the device has booted: `ready`, or else the version. */
function readiness(profile: BoardFile['profile']): AdapterUse {
  const use = profile.ready ?? profile.firmware?.version ?? profile.process?.read;
  if (use !== undefined) return use;
  throw new DriverError('no-readiness', 'the board names nothing that shows when the device has booted', {
    hint: 'Add profile.ready, or profile.firmware.version.',
  });
}

function firmware(profile: NonNullable<BoardFile['profile']['firmware']>, bind: Bind): Firmware {
  const value = (use: AdapterUse | undefined, what: string) => {
    if (use === undefined)
      return () => Promise.resolve(notObservable<never>(`the board names no way to read ${what}`));
    const source = bind('value', use);
    return async (): Promise<Observed<string | number>> => seen(await source.read());
  };
  const read = {
    version: value(profile.version, 'the version'),
    digest: value(profile.digest, 'the image digest'),
    securityCounter: value(profile.securityCounter, 'the security counter'),
    confirmation: value(profile.confirmation, 'whether the image is confirmed'),
  };
  const ingresses = new Map(
    Object.entries(profile.ingresses).map(([name, use]) => [
      name,
      {
        ingress: bind('ingress', use),
        activate: use.activate === undefined ? undefined : bind('action', use.activate),
      },
    ]),
  );
  const way = (name: string) => {
    const found = ingresses.get(name);
    if (found === undefined)
      throw new DriverError('no-such-ingress', `the board has no ingress named ${name}`);
    return found;
  };
  const fallback = profile.activate === undefined ? undefined : bind('action', profile.activate);
  const action = (use: AdapterUse | undefined) =>
    use === undefined ? undefined : performing(bind('action', use));
  const confirm = action(profile.confirm);
  const discard = action(profile.discard);
  const factoryReset = action(profile.factoryReset);
  const revert = action(profile.revert);
  const allowOlder = action(profile.allowOlder);
  return {
    ingresses: [...ingresses.keys()],
    readState: async () => ({
      version: text(await read.version()),
      digest: text(await read.digest()),
      securityCounter: number(await read.securityCounter()),
      confirmation: text(await read.confirmation()),
    }),
    // The device sees one name for all images: it must not tell an attack from a control by it.
    offer: (image, name) => way(name).ingress.offer({ ...image, name: 'firmware.bin' }),
    endless: (name) => way(name).ingress.endless ?? [],
    offerEndlessly: async (image, name, transfer) => {
      const { ingress } = way(name);
      if (ingress.offerEndlessly !== undefined && ingress.endless?.includes(transfer.kind) === true)
        return ingress.offerEndlessly({ ...image, name: 'firmware.bin' }, transfer);
      throw new DriverError(
        'cannot-be-endless',
        `a transfer that ${transfer.kind} cannot be made through ${name}`,
      );
    },
    activate: (name) => {
      const activation = way(name).activate ?? fallback;
      if (activation === undefined) {
        throw new DriverError(
          'no-activation',
          `the board names no way to activate an image offered through ${name}`,
        );
      }
      return activation.perform();
    },
    ...(confirm === undefined ? {} : { confirm }),
    ...(discard === undefined ? {} : { discard }),
    ...(factoryReset === undefined ? {} : { factoryReset }),
    ...(revert === undefined ? {} : { revert }),
    ...(allowOlder === undefined ? {} : { allowOlder }),
  };
}

const text = (observed: Observed<string | number>): Observed<string> =>
  observed.observable ? seen(String(observed.value)) : observed;
const number = (observed: Observed<string | number>): Observed<number> =>
  observed.observable ? seen(numeric(observed.value, 'the security counter')) : observed;

/** A value that is no number must not be compared as one: NaN differs from itself, and would look like a change. */
function numeric(value: string | number, what: string): number {
  const parsed = typeof value === 'string' && value.trim() === '' ? NaN : Number(value);
  if (Number.isFinite(parsed)) return parsed;
  throw new FrameError('not-a-number', `${what} came as ${JSON.stringify(value)}, which is no number`, {
    hint: 'Narrow the pattern or type of this adapter in the board file.',
  });
}

function processValue(profile: NonNullable<BoardFile['profile']['process']>, bind: Bind): ProcessValue {
  const source = bind('value', profile.read);
  return {
    unit: profile.unit,
    changesWithinMs: profile.changesWithinMs,
    read: async () => numeric(await source.read(), 'the process value'),
  };
}

const performing = (action: AdapterRoles['action']) => () => action.perform();

function timeSource(profile: NonNullable<BoardFile['profile']['time']>, bind: Bind): TimeSource {
  const clock = bind('clock', profile.set);
  return {
    set: (utc) => clock.set(utc),
    ...(profile.unset === undefined ? {} : { unset: performing(bind('action', profile.unset)) }),
  };
}

function tamper(profile: NonNullable<BoardFile['profile']['tamper']>, bind: Bind): Tamper {
  const kinds = new Map(Object.entries(profile.kinds).map(([kind, use]) => [kind, bind('action', use)]));
  const restoring = profile.restore === undefined ? undefined : bind('action', profile.restore);
  const mustAccept = (answer: { kind: string; reason?: string }, what: string): void => {
    if (answer.kind === 'accepted') return;
    throw new BenchError(
      'tamper-failed',
      `the maintenance interface did not ${what}: ${answer.kind} ${answer.reason ?? ''}`,
      {
        hint: 'Is the device opened for test?',
      },
    );
  };
  return {
    kinds: [...kinds.keys()],
    apply: async (kind) => {
      const action = kinds.get(kind);
      if (action === undefined)
        throw new DriverError('no-such-tampering', `the board declares no tampering "${kind}"`);
      const answer = await action.perform();
      mustAccept(answer, kind);
      return { atMs: monotonicMs() };
    },
    restore: async () => {
      if (restoring !== undefined) mustAccept(await restoring.perform(), 'restore');
    },
  };
}

function commands(
  profile: NonNullable<BoardFile['profile']['commands']>,
  bind: Bind,
  bench: Bench,
): Commands {
  const messages = bind('messages', profile.messages);
  const effect = bind('value', profile.effect);
  const counter = profile.counter === undefined ? undefined : bind('value', profile.counter);
  const plain = profile.plain === undefined ? undefined : bind('action', profile.plain);
  const tap = profile.tap === undefined ? undefined : bench.driver(profile.tap).tap;
  return {
    send: (message) => messages.send(message),
    ...(messages.renew === undefined ? {} : { renew: messages.renew.bind(messages) }),
    readEffect: async () => numeric(await effect.read(), 'the effect of commands'),
    ...(counter === undefined
      ? {}
      : { readCounter: async () => numeric(await counter.read(), 'the message counter') }),
    ...(plain === undefined ? {} : { writePlain: () => plain.perform() }),
    ...(tap === undefined ? {} : { tap }),
  };
}

function auditLog(use: AdapterUse, bind: Bind): AuditLog {
  const log = bind('audit', use);
  let known = 0;
  const last = (events: readonly AuditEvent[]): number =>
    Math.max(0, ...events.map((event) => event.sequence));
  /** Events after a sequence. A log that no longer holds that one has begun anew: then all of it came after. */
  const since = async (sequence: number): Promise<readonly AuditEvent[]> => {
    const events = await log.since(sequence);
    if (events.length > 0 || sequence === 0) return events;
    const holdsIt = (await log.since(sequence - 1)).some((event) => event.sequence === sequence);
    return holdsIt ? events : log.since(0);
  };
  return {
    since: async (sequence) => {
      const events = await since(sequence);
      if (events.length > 0) known = last(events);
      return events;
    },
    latest: async () => {
      const events = await since(known);
      if (events.length > 0) known = last(events);
      return known;
    },
  };
}

function attacks(wires: readonly string[], bench: Bench): ReadonlyMap<string, LinkAttack> {
  return new Map(
    wires.flatMap((wire) =>
      (bench.driver(wire).attacks ?? []).map((attack) => [attack.name, attack] as const),
    ),
  );
}
