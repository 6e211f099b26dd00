/** Alarms: latched per object until acknowledged, told on every wire that listens. */

import { type AuditLog } from './audit-log.ts';
import { type Defects } from './defects.ts';

/** In the order of the discrete inputs and of the bits in register 28. */
export const ALARM_OBJECTS = [
  'code',
  'memory',
  'configuration',
  'process-list',
  'monitor',
  'baseline',
  'boot',
  'update',
] as const;
export type AlarmObject = (typeof ALARM_OBJECTS)[number];

export interface Alarm {
  sequence: number;
  object: AlarmObject;
  text: string;
}

const LATE_BY_MS = 3000;
const FALSE_EVERY_MS = 2000;

export class Alarms {
  readonly #log: AuditLog;
  readonly #defects: Defects;
  readonly #active = new Map<AlarmObject, Alarm>();
  readonly #listeners: ((alarm: Alarm) => void)[] = [];
  /** Objects whose late alarm is on its way; only for the defect late-alarms. */
  readonly #late = new Set<AlarmObject>();
  #sequence = 0;
  #last: Alarm | undefined;

  constructor(log: AuditLog, defects: Defects) {
    this.#log = log;
    this.#defects = defects;
    if (defects.has('false-alarms')) setInterval(() => this.#raiseFalsely(), FALSE_EVERY_MS).unref();
  }

  get active(): readonly Alarm[] {
    return [...this.#active.values()];
  }

  /** Bit n stands for object n. */
  get activeBits(): number {
    return this.active.reduce((bits, alarm) => bits | (1 << ALARM_OBJECTS.indexOf(alarm.object)), 0);
  }

  get sequence(): number {
    return this.#sequence;
  }

  get last(): Alarm | undefined {
    return this.#last;
  }

  onAlarm(listener: (alarm: Alarm) => void): void {
    this.#listeners.push(listener);
  }

  /** Raises an alarm unless the same object's is active already. */
  raise(object: AlarmObject, text: string): void {
    if (this.#defects.has('silent-alarms')) return;
    const named = this.#defects.has('alarm-names-wrong-object') ? wrongNameFor(object) : object;
    if (this.#active.has(named)) return;
    if (!this.#defects.has('late-alarms')) return this.#latch(named, text);
    if (this.#late.has(named)) return;
    this.#late.add(named);
    setTimeout(() => {
      this.#late.delete(named);
      this.#latch(named, text);
    }, LATE_BY_MS).unref();
  }

  acknowledge(): void {
    this.#active.clear();
  }

  #latch(object: AlarmObject, text: string): void {
    this.#sequence += 1;
    const alarm = { sequence: this.#sequence, object, text };
    this.#active.set(object, alarm);
    this.#last = alarm;
    this.#log.append('integrity-alarm', object, 'raised', text);
    for (const listener of this.#listeners) listener(alarm);
  }

  #raiseFalsely(): void {
    this.#active.delete('memory');
    this.#latch('memory', 'code in memory differs from the verified image');
  }
}

function wrongNameFor(object: AlarmObject): AlarmObject {
  return ALARM_OBJECTS[(ALARM_OBJECTS.indexOf(object) + 3) % ALARM_OBJECTS.length] ?? object;
}
