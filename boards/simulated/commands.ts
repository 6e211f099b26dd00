/** Authenticated commands: accepted once, in order, in time; and telemetry in the same dress. */

import { readFileSync } from 'node:fs';
import { type AuditLog } from './audit-log.ts';
import { CODE, decodeMessage, encodeMessage, hasRightMac, MESSAGE_BYTES } from './command-message.ts';
import { type CommandMessage } from './command-message.ts';
import { type Defects } from './defects.ts';
import { LAYOUT, type Flash } from './flash.ts';
import { FlashJournal } from './flash-journal.ts';
import { dataPath } from './paths.ts';

/** As Modbus register 40 and the OPC UA method give it. */
export const RESULT = {
  none: 0,
  accepted: 1,
  badMac: 2,
  replayed: 3,
  tooOld: 4,
  fromTheFuture: 5,
  malformed: 6,
} as const;
const RESULT_TEXT = [
  'none',
  'accepted',
  'bad MAC',
  'replayed',
  'too old',
  'from the future',
  'malformed',
] as const;

export const FACTORY_SETPOINT = 100;
const COUNTER_LEAD = 1000;
const WINDOW = { pastMs: 2000, futureMs: 500 } as const;
const WIDE_WINDOW_PAST_MS = 60_000;
const INT16 = { min: -0x8000, max: 0x7fff } as const;
/** Telemetry counters are reserved in flash this many at a time, so that none repeats after a power loss. */
const TELEMETRY_RESERVE = 4096;

/** The test key of the keys folder. */
export function loadCommandKey(): Buffer {
  return readFileSync(dataPath('keys', 'commands.key'));
}

/** What must outlive a power loss. */
interface CommandRecord {
  counter: number;
  setpoint: number;
  effects: number;
  /** Telemetry counters below this one may have been used. */
  telemetryReserved: number;
}

export interface CommandParts {
  flash: Flash;
  log: AuditLog;
  defects: Defects;
  key: Buffer;
}

export class Commands {
  readonly #parts: CommandParts;
  readonly #journal: FlashJournal<CommandRecord>;
  #state: CommandRecord;
  #telemetryCounter: number;
  lastResult: number = RESULT.none;
  /** Marks that only the two ratchet defects raise. */
  #ratchet = { counter: 0, timestampMs: 0 };

  constructor(parts: CommandParts) {
    this.#parts = parts;
    this.#journal = new FlashJournal(parts.flash, LAYOUT.commandJournal);
    const blank = { counter: 0, setpoint: FACTORY_SETPOINT, effects: 0, telemetryReserved: 0 };
    this.#state = this.#journal.newest ?? blank;
    if (parts.defects.has('counter-kept-in-ram')) this.#state = { ...this.#state, counter: 0 };
    this.#telemetryCounter = this.#state.telemetryReserved;
  }

  get setpoint(): number {
    return this.#state.setpoint;
  }

  get effects(): number {
    return this.#state.effects;
  }

  get lastCounter(): number {
    return this.#state.counter;
  }

  /** Judges a message and, if it is good, carries it out. @returns a value of RESULT */
  receive(bytes: Buffer): number {
    const result = this.#judge(bytes);
    this.lastResult = result;
    if (result === RESULT.accepted) this.#carryOut(decodeMessage(bytes));
    else this.#parts.log.append('command-refused', 'command', 'refused', RESULT_TEXT[result] ?? 'unknown');
    return result;
  }

  /** A plain write, which only the defect open-writes lets through. */
  writeSetpointPlainly(value: number): void {
    this.#save({ ...this.#state, setpoint: value, effects: this.#state.effects + 1 });
  }

  /** The setpoint to its factory value; the last counter stays, or old commands would be new again. */
  factoryReset(): void {
    this.#save({ ...this.#state, setpoint: FACTORY_SETPOINT });
  }

  /** @param value process value in tenths of a bar */
  telemetry(value: number): Buffer {
    this.#telemetryCounter += 1;
    if (this.#telemetryCounter >= this.#state.telemetryReserved) {
      this.#save({ ...this.#state, telemetryReserved: this.#telemetryCounter + TELEMETRY_RESERVE });
    }
    const counter = this.#telemetryCounter;
    return encodeMessage({ counter, timestampMs: Date.now(), code: CODE.telemetry, value }, this.#parts.key);
  }

  #judge(bytes: Buffer): number {
    if (bytes.length !== MESSAGE_BYTES) return RESULT.malformed;
    const { defects, key } = this.#parts;
    if (!hasRightMac(bytes, key) && !defects.has('accept-bad-mac')) return RESULT.badMac;
    const message = decodeMessage(bytes);
    if (message.code !== CODE.setSetpoint && message.code !== CODE.addToSetpoint) return RESULT.malformed;
    const order = defects.has('accept-replay') ? RESULT.accepted : this.#judgeCounter(message.counter);
    if (order !== RESULT.accepted) return order;
    return defects.has('accept-stale') ? RESULT.accepted : this.#judgeTime(message.timestampMs);
  }

  #judgeCounter(counter: number): number {
    if (counter <= Math.max(this.#state.counter, this.#ratchet.counter)) return RESULT.replayed;
    if (counter <= this.#state.counter + COUNTER_LEAD) return RESULT.accepted;
    if (this.#parts.defects.has('ratchets-on-counter-jump')) this.#ratchet.counter = counter;
    return RESULT.fromTheFuture;
  }

  #judgeTime(timestampMs: number): number {
    const { defects } = this.#parts;
    const pastMs = defects.has('window-too-wide') ? WIDE_WINDOW_PAST_MS : WINDOW.pastMs;
    const ageMs = Date.now() - timestampMs;
    if (ageMs > pastMs || timestampMs < this.#ratchet.timestampMs) return RESULT.tooOld;
    if (ageMs >= -WINDOW.futureMs) return RESULT.accepted;
    if (defects.has('ratchets-on-future-timestamp')) this.#ratchet.timestampMs = timestampMs;
    return RESULT.fromTheFuture;
  }

  /** Counter and effect are one flash record, written before the setpoint changes. */
  #carryOut(message: CommandMessage): void {
    const wanted = message.code === CODE.setSetpoint ? message.value : this.#state.setpoint + message.value;
    const setpoint = Math.min(INT16.max, Math.max(INT16.min, wanted));
    this.#save({ ...this.#state, counter: message.counter, setpoint, effects: this.#state.effects + 1 });
  }

  #save(state: CommandRecord): void {
    this.#journal.append(state);
    this.#state = state;
  }
}
