/** A receiver of authenticated commands in memory: counter, window and MAC as declared, and misbehaviour on request. */

import type { Answer, AnswerKind, Device, LinkTap, TapRecording } from '../../../harness/capabilities.ts';
import type { Declaration } from '../../../harness/board/index.ts';
import { monotonicMs } from '../../../harness/clock.ts';
import { fakeRun, type FakeRun } from '../../../harness/lifecycle/test/fake-run.ts';

export interface ReceiverFaults {
  /** Checks that it leaves out. */
  ignores?: readonly ('counter' | 'window' | 'future' | 'gap')[];
  /** What it answers to a refused message, whatever it does. */
  answersRefused?: AnswerKind;
  /** It obeys what it says it refuses. */
  obeysSilently?: boolean;
  /** It obeys what it says it refuses, after its effect was read so often. */
  obeysAfterReads?: number;
  /** It obeys what it says it refuses, so long after. */
  obeysAfterMs?: number;
  /** What it accepts shows so long after. */
  effectAfterMs?: number;
  logs?: boolean;
  forgetsWithoutPower?: boolean;
  /** The effect begins anew with the power. */
  forgetsEffect?: boolean;
  /** Takes over the clock of a message that it refuses. */
  ratchets?: boolean;
  /** After something refused, every legitimate message is met like this. */
  afterwards?: AnswerKind;
  /** The first legitimate message is met like this. */
  beforehand?: AnswerKind;
  /** Accepted, and without effect. */
  noEffect?: boolean;
  /** Every so many messages that are too old are obeyed all the same. */
  wavers?: number;
  windowMs?: number;
  futureMs?: number;
  /** Its clock is wrong by so much. */
  clockAheadMs?: number;
  plain?: { answer: AnswerKind; effect: number; afterMs?: number };
  /** `single client`: a connection beside the client's is closed before it is heard. */
  tap?: 'sees nothing' | 'connection refused' | 'reads come first' | 'single client';
  /** What is replayed is heard, and the connection closed without a byte. */
  closesOnReplay?: boolean;
  /** Its messages count only on a connection that began with an opening, which `renew` lets the client send again. */
  connectionOriented?: boolean;
}

export const layout = {
  byteOrder: 'big' as const,
  fields: [
    { name: 'counter', type: 'u32' as const },
    { name: 'timestamp', type: 'u64' as const, unit: 'ms' as const },
    { name: 'code', type: 'u16' as const },
    { name: 'value', type: 'i16' as const },
  ],
  mac: { algorithm: 'hmac-sha256' as const, bytes: 16 },
};

export const commandsDeclaration: Declaration['commands'] = {
  mechanism: 'authenticated-messages',
  layout,
  window: { olderMs: 2000, newerMs: 500 },
  counter: { maximumGap: 1000, survivesPowerLoss: true },
  actions: { add: 2 },
  clock: 'utc',
  effectWithinMs: 40,
};

export class Receiver {
  readonly faults: ReceiverFaults;
  effect = 100;
  counter = 7;
  #clockAheadMs: number;
  #refused = 0;
  #readsToGo: number | undefined;
  #tooOld = 0;
  #pending: { dueMs: number; value: number }[] = [];
  readonly #tell: () => void;
  readonly seen: Uint8Array[] = [];
  /** The client is connected, and has been for long. */
  opened = true;

  constructor(faults: ReceiverFaults, tell: () => void) {
    this.faults = faults;
    this.#clockAheadMs = faults.clockAheadMs ?? 0;
    this.#tell = tell;
  }

  readEffect(): number {
    if (this.#readsToGo !== undefined && (this.#readsToGo -= 1) < 0) {
      this.#readsToGo = undefined;
      this.effect += 1;
    }
    const now = monotonicMs();
    for (const { value } of this.#pending.filter(({ dueMs }) => dueMs <= now)) this.effect += value;
    this.#pending = this.#pending.filter(({ dueMs }) => dueMs > now);
    return this.effect;
  }

  /** Has an effect, at once or so long after. */
  actAfter(ms: number | undefined, value: number): void {
    if (ms === undefined) this.effect += value;
    else this.#pending.push({ dueMs: monotonicMs() + ms, value });
  }

  powerLost(): void {
    if (this.faults.forgetsWithoutPower === true) this.counter = 0;
    if (this.faults.forgetsEffect === true) this.effect = 100;
  }

  receive(bytes: Uint8Array): Answer {
    this.seen.push(bytes);
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    const counter = view.getUint32(0);
    const timestamp = Number(view.getBigUint64(4));
    if (!this.#isNew(counter, timestamp)) return this.#refuse(timestamp);
    const { beforehand, afterwards, noEffect } = this.faults;
    const met = this.#refused > 0 ? afterwards : beforehand;
    if (met !== undefined) return { kind: met, elapsedMs: 1 };
    this.counter = counter;
    if (noEffect !== true) this.actAfter(this.faults.effectAfterMs, view.getInt16(14));
    return { kind: 'accepted', elapsedMs: 1 };
  }

  #isNew(counter: number, timestamp: number): boolean {
    const { ignores = [], windowMs = 2000, futureMs = 500, wavers } = this.faults;
    const ageMs = Date.now() + this.#clockAheadMs - timestamp;
    if (!ignores.includes('counter') && counter <= this.counter) return false;
    if (!ignores.includes('gap') && counter > this.counter + 1000) return false;
    if (!ignores.includes('future') && ageMs < -futureMs) return false;
    if (ignores.includes('window') || ageMs <= windowMs) return true;
    this.#tooOld += 1;
    return wavers !== undefined && this.#tooOld % wavers === 0;
  }

  #refuse(timestamp: number): Answer {
    this.#refused += 1;
    if (this.faults.ratchets === true && timestamp > Date.now() + 1000) {
      this.#clockAheadMs = timestamp - Date.now();
    }
    if (this.faults.obeysSilently === true) this.effect += 1;
    if (this.faults.obeysAfterMs !== undefined) this.actAfter(this.faults.obeysAfterMs, 1);
    this.#readsToGo = this.faults.obeysAfterReads;
    if (this.faults.logs !== false) this.#tell();
    return { kind: this.faults.answersRefused ?? 'refused', elapsedMs: 1 };
  }
}

/** A run on such a receiver. */
export function receiving(
  faults: ReceiverFaults = {},
  {
    declared = commandsDeclaration,
    audit = true,
  }: { declared?: Declaration['commands']; audit?: boolean } = {},
): { run: FakeRun; receiver: Receiver } {
  let receiver: Receiver | undefined;
  const run = fakeRun({
    declaration: { commands: declared },
    faults: audit ? {} : { audit: 'absent' },
    device: (device, gateway) => {
      const made = new Receiver(faults, () => gateway.tell('command-refused', 'refused'));
      receiver = made;
      return withCommands(device, made);
    },
  });
  if (receiver === undefined) throw new Error('no receiver');
  return { run, receiver };
}

function withCommands(device: Device, receiver: Receiver): Device {
  const { plain } = receiver.faults;
  return {
    ...device,
    commands: {
      send: async (message) => {
        if (receiver.faults.connectionOriented === true && !receiver.opened) receiver.seen.push(opening);
        receiver.opened = true;
        return receiver.receive(message);
      },
      ...(receiver.faults.connectionOriented === true
        ? { renew: async () => void (receiver.opened = false) }
        : {}),
      readEffect: async () => receiver.readEffect(),
      readCounter: async () => receiver.counter,
      tap: tapOf(receiver),
      ...(plain === undefined
        ? {}
        : {
            writePlain: async () => {
              receiver.seen.push(plainWrite);
              receiver.actAfter(plain.afterMs, plain.effect);
              return { kind: plain.answer, elapsedMs: 1 };
            },
          }),
    },
    ...(device.power === undefined
      ? {}
      : {
          power: {
            ...device.power,
            on: async () => {
              receiver.powerLost();
              return device.power!.on();
            },
          },
        }),
  };
}

const read = Uint8Array.of(0, 1, 2, 3);
const plainWrite = Uint8Array.of(4, 5, 6, 7);
const opening = Uint8Array.of(9, 9);

function tapOf(receiver: Receiver): LinkTap {
  const { tap } = receiver.faults;
  const recordingOf = (connection: number, ...parts: Uint8Array[]): TapRecording => ({
    connection,
    openedAtMs: 0,
    bursts: parts.map((bytes) => ({ atMs: 0, direction: 'to-device', bytes })),
  });
  return {
    liveConnections: 1,
    record: () => {
      const from = receiver.seen.length;
      return () => {
        if (tap === 'sees nothing') return [];
        const seen = receiver.seen.slice(from);
        if (receiver.faults.connectionOriented === true) return [recordingOf(2, ...seen)];
        const commands = seen.map((bytes, index) => recordingOf(index + 2, bytes));
        return tap === 'reads come first' ? [recordingOf(1, read), ...commands] : commands;
      };
    },
    replayOnNewConnection: async (recording) => {
      const outcome = { received: Uint8Array.of(1), elapsedMs: 1 };
      if (tap === 'connection refused') return { ...outcome, connection: 'refused' };
      if (tap === 'single client' && receiver.opened) {
        return { received: new Uint8Array(), elapsedMs: 1, connection: 'closed' };
      }
      let opened = receiver.faults.connectionOriented !== true;
      for (const { bytes } of recording.bursts) {
        if (bytes === opening) opened = true;
        else if (bytes === plainWrite)
          receiver.actAfter(receiver.faults.plain?.afterMs, receiver.faults.plain?.effect ?? 0);
        else if (bytes !== read && opened) receiver.receive(bytes);
      }
      if (receiver.faults.closesOnReplay === true) {
        return { received: new Uint8Array(), elapsedMs: 1, connection: 'closed' };
      }
      return { ...outcome, connection: 'answered' };
    },
    injectInLive: () => Promise.reject(new Error('not used')),
    duplicateLast: () => Promise.reject(new Error('not used')),
  };
}
