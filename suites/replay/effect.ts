/** What commands act upon, watched for a time: an effect comes when the device's program comes round, not with the answer. */

import { Deadline, pause, type CaseContext, type Commands } from '../../harness/index.ts';

/**
 * Where no time is declared. A controller acts on what it received in its next scan, and scans of slow process control
 * take some 100 ms; ten of them, with room for a remote station behind the controller.
 */
export const usualEffectMs = 1000;

/** Longest time from an accepted command to its effect. */
export function effectWithinMs(t: CaseContext): number {
  return t.declaration.commands?.effectWithinMs ?? usualEffectMs;
}

/** The last look at an effect. */
export interface Look {
  effect: number;
  /** Whether it was what was looked for. */
  seen: boolean;
  /** When its answer was there, after the clock's start. */
  atMs: number;
  /** When the look before it began; what was seen came after that. */
  notBeforeMs: number;
}

/**
 * Reads the effect until it is what is looked for; always once more after the time is up, so that our own lag hides
 * nothing.
 *
 * @param clock the time left for it, started with the command
 */
export async function lookFor(
  read: () => Promise<number>,
  wanted: (effect: number) => boolean,
  clock: Deadline,
): Promise<Look> {
  let notBeforeMs = 0;
  for (;;) {
    const last = clock.passed;
    const beganAtMs = clock.elapsedMs;
    const effect = await read();
    const seen = wanted(effect);
    if (seen || last) return { effect, seen, atMs: clock.elapsedMs, notBeforeMs };
    notBeforeMs = beganAtMs;
    const everyMs = Math.max(5, Math.min(clock.elapsedMs / 2, clock.withinMs / 20));
    await pause(Math.min(everyMs, clock.leftMs));
  }
}

/** Knows what the effect has to be: nothing but a legitimate command may move it, whenever. */
export class EffectWatch {
  readonly #t: CaseContext;
  readonly #commands: Commands;
  /** The effect after the last exchange. */
  #known: number | undefined;
  /** The last attack, whose effect may still come. */
  #attack: { name: string; sent: Deadline } | undefined;

  constructor(t: CaseContext, commands: Commands) {
    this.#t = t;
    this.#commands = commands;
  }

  /** A clock for the effect of what is sent now. */
  begins(): Deadline {
    return new Deadline(effectWithinMs(this.#t));
  }

  /** From now on, an effect that nothing legitimate explains is that of this attack, or of one before it. */
  attacked(name: string, sent: Deadline): void {
    this.#attack = { name, sent };
  }

  /** A restart may bring the effect back to its first value: what was known before it says nothing any more. */
  restarted(): void {
    this.#known = undefined;
  }

  /** The effect before something is sent. */
  async before(of: string): Promise<number> {
    const effect = await this.#commands.readEffect();
    this.#mustNotHaveMoved(effect, `before ${of}${this.#late()}`);
    this.#known = effect;
    return effect;
  }

  /** The effect after an attack was answered: one look, for the time to come is watched at the end. */
  async after(): Promise<number> {
    return (this.#known = await this.#commands.readEffect());
  }

  /** The effect of what must act: looked for until its time is up. */
  async awaited(wanted: (effect: number) => boolean, sent: Deadline): Promise<number> {
    const { effect } = await lookFor(() => this.#commands.readEffect(), wanted, sent);
    return (this.#known = effect);
  }

  /** One more look, after something was refused. */
  async mustStayStill(): Promise<void> {
    const effect = await this.#commands.readEffect();
    this.#mustNotHaveMoved(effect, `a while later${this.#late()}`);
  }

  /** Watches for what the attacks up to here do late, as long as a legitimate command might take. */
  async mustStayStillForItsTime(): Promise<void> {
    const attack = this.#attack;
    const known = this.#known;
    if (attack === undefined || known === undefined) return;
    const read = (): Promise<number> => this.#commands.readEffect();
    const look = await lookFor(read, (effect) => effect !== known, attack.sent);
    const between = `between ${look.notBeforeMs.toFixed(0)} and ${look.atMs.toFixed(0)} ms`;
    this.#mustNotHaveMoved(look.effect, `${between} after ${attack.name}`);
    this.#attack = undefined;
  }

  /** An effect that comes between two exchanges is that of the one before: obeyed late is obeyed. */
  #mustNotHaveMoved(effect: number, when: string): void {
    const known = this.#known;
    if (known === undefined || known === effect) return;
    this.#known = effect;
    this.#t.violates({
      code: 'effect-came-late',
      expected: `the effect to stay at ${known} while nothing legitimate is sent`,
      observed: `${effect} ${when}`,
    });
  }

  #late(): string {
    const attack = this.#attack;
    return attack === undefined
      ? ''
      : `, ${attack.sent.elapsedMs.toFixed(0)} ms after ${attack.name} or less`;
  }
}
