/**
 * A device in memory that behaves like an MCUboot gateway, and misbehaves on request: the other side of every rule of
 * the lifecycle. Images are the real ones of the simulated gateway; whoever is not one of them is forged.
 */

import type {
  Answer,
  AnswerKind,
  AuditEvent,
  Device,
  FirmwareImage,
  FirmwareState,
} from '../../capabilities.ts';
import { notObservable, seen } from '../../capabilities.ts';
import { monotonicMs, pause, until } from '../../clock.ts';
import { PortError, TimeoutError } from '../../errors.ts';
import { identifyImage } from '../../image/index.ts';

/** How this device differs from a faithful one. */
export interface Faults {
  /** What it answers to a forged image, whatever it does. */
  answersForged?: AnswerKind;
  /** When a forged image comes to run all the same. */
  runsForged?: 'at once' | 'after a power cycle';
  /** Only when so many forged images were offered since it was last powered. */
  runsForgedAfter?: number;
  /** Keeps what it refuses until it loses power: whoever asks for it starts it. */
  keepsForged?: boolean;
  /** It refuses, or takes and ignores, images that are genuine. */
  genuine?: 'refuses' | 'ignores' | 'refuses after a forged one';
  /** A forged image is taken, and refused when it is to be installed. */
  refusesLate?: boolean;
  dies?: 'on a forged image' | 'over a power cycle after a forged image' | 'at the second control';
  /** Called before each offer: throws what the bench throws. */
  onOffer?: (image: FirmwareImage) => void;
  process?: 'frozen' | 'frozen by a forged image' | 'times out' | 'absent';
  audit?: 'empty' | 'dead' | 'absent';
  hides?: readonly (keyof FirmwareState)[];
  /** What it does not accept it refuses in the middle of the transfer. */
  breaksOff?: boolean;
  acknowledges?: 'nothing' | 'nothing, and tells not';
  /** Changes something whenever it loses power, attacked or not. */
  unstable?: boolean;
  /** A forged image is installed as if it were this one: what was appended is ignored. */
  takesForgedAs?: FirmwareImage;
  noConfirm?: boolean;
  neverConfirms?: boolean;
  noPower?: boolean;
  /** The restart comes this long after activation was answered. */
  restartsAfterMs?: number;
  answersAfterMs?: number;
}

interface Slot {
  version: string;
  digest: string;
  counter: number;
  genuine: boolean;
}

export const timing = { bootsWithinMs: 150, bootMs: 5, periodMs: 20, auditMs: 60 } as const;

export class FakeGateway {
  readonly faults: Faults;
  readonly log: AuditEvent[] = [];
  offers = 0;
  powerCycles = 0;
  dead = false;
  powered = true;
  floor = 5;
  running: Slot;
  confirmed: Slot;
  #staged: Slot | undefined;
  #readyAtMs = 0;
  #forgedSincePower = 0;
  #forged = 0;
  #genuine = 0;
  #waiting: Slot | undefined;
  readonly #known: ReadonlyMap<string, number>;

  /** @param counters security counters of genuine images, by digest of the file */
  constructor(golden: FirmwareImage, counters: ReadonlyMap<string, number>, faults: Faults = {}) {
    this.faults = faults;
    this.#known = counters;
    this.running = this.slotOf(golden);
    this.confirmed = this.running;
  }

  slotOf(image: FirmwareImage): Slot {
    const identity = identifyImage(image.bytes);
    const counter = this.#known.get(image.sha256);
    return {
      version: identity?.version ?? '0.0.0',
      digest: counter === undefined ? image.sha256 : (identity?.digests.at(-1) ?? image.sha256),
      counter: counter ?? 0,
      genuine: counter !== undefined,
    };
  }

  device(): Device {
    const { faults } = this;
    return {
      firmware: {
        ingresses: ['ymodem'],
        readState: async () => this.#state(),
        offer: (image) => this.#offer(image),
        activate: async () => this.#activate(),
        ...(faults.noConfirm === true ? {} : { confirm: async () => this.#confirm() }),
        factoryReset: async () => this.factoryReset(),
      },
      ...(faults.process === 'absent'
        ? {}
        : { process: { unit: 'bar', changesWithinMs: timing.periodMs, read: async () => this.#value() } }),
      ...(faults.audit === 'absent'
        ? {}
        : {
            audit: {
              since: async (sequence) => this.#entries().filter((entry) => entry.sequence > sequence),
              latest: async () => this.#entries().at(-1)?.sequence ?? 0,
            },
          }),
      ...(faults.noPower === true
        ? {}
        : { power: { precise: true, off: async () => this.off(), on: async () => this.on() } }),
      linkAttacks: new Map(),
      waitUntilReady: (withinMs) => this.#ready(withinMs),
    };
  }

  /** Replaced by tests of the reset. */
  factoryReset(): Answer {
    this.tell('factory-reset', 'done');
    return { kind: 'accepted', elapsedMs: 1 };
  }

  off(): { atMs: number } {
    this.powered = false;
    return { atMs: monotonicMs() };
  }

  on(): { atMs: number } {
    this.powerCycles += 1;
    const forged = this.#forgedSincePower;
    this.#forgedSincePower = 0;
    this.powered = true;
    if (this.faults.keepsForged === true) this.#staged = undefined;
    this.#boot();
    if (forged > 0 && this.faults.dies === 'over a power cycle after a forged image') this.dead = true;
    if (forged >= (this.faults.runsForgedAfter ?? 1) && this.faults.runsForged === 'after a power cycle') {
      this.running = this.#waiting ?? this.running;
      this.confirmed = this.running;
    }
    return { atMs: monotonicMs() };
  }

  tell(event: string, result: string): void {
    if (this.faults.audit === 'empty') return;
    const sequence = this.log.length + 1;
    this.log.push({ sequence, utc: '2026-01-01T00:00:00Z', event, object: 'firmware', result, text: '' });
  }

  #mustAnswer(): void {
    if (this.dead || !this.powered || monotonicMs() < this.#readyAtMs) {
      throw new TimeoutError('no-reply', 'no reply within 5 ms (0 bytes)');
    }
  }

  /** A restart: a trial that nobody confirmed is gone, what was staged is swapped in as a trial. */
  #boot(): void {
    this.#readyAtMs = monotonicMs() + timing.bootMs;
    const staged = this.#staged;
    this.#staged = undefined;
    this.running = staged ?? this.confirmed;
  }

  async #offer(image: FirmwareImage): Promise<Answer> {
    this.faults.onOffer?.(image);
    this.#mustAnswer();
    this.offers += 1;
    await pause(1);
    const slot = this.slotOf(image);
    const legitimate = slot.genuine && slot.counter >= this.floor;
    if (!legitimate) return this.#met(image, slot);
    this.#genuine += 1;
    if (this.faults.dies === 'at the second control' && this.#genuine > 1) this.dead = true;
    this.#mustAnswer();
    const { genuine } = this.faults;
    if (genuine === 'refuses') return this.#answer('refused', image);
    if (genuine === 'refuses after a forged one' && this.#forged > 0) return this.#answer('refused', image);
    if (genuine !== 'ignores') this.#staged = slot;
    return this.#answer('accepted', image);
  }

  /** A forged or older image. */
  #met(image: FirmwareImage, slot: Slot): Answer {
    const { faults } = this;
    this.#forged += 1;
    this.#forgedSincePower += 1;
    this.#waiting = slot;
    if (faults.dies === 'on a forged image') this.dead = true;
    if (faults.runsForged === 'at once' && this.#forgedSincePower >= (faults.runsForgedAfter ?? 1)) {
      this.running = slot;
      this.confirmed = slot;
    }
    if (faults.keepsForged === true) this.#staged = slot;
    if (faults.takesForgedAs !== undefined) this.#staged = this.slotOf(faults.takesForgedAs);
    this.tell('update-refused', 'refused');
    return this.#answer(faults.answersForged ?? (this.dead ? 'silent' : 'refused'), image);
  }

  #answer(kind: AnswerKind, image: FirmwareImage): Answer {
    const totalBytes = image.bytes.length;
    const nothing = kind !== 'accepted' && this.faults.acknowledges !== undefined;
    const half = kind !== 'accepted' && this.faults.breaksOff === true;
    const acknowledgedBytes = nothing ? 0 : half ? Math.floor(totalBytes / 2) : totalBytes;
    const delivery = { totalBytes, acknowledgedBytes, complete: !nothing && !half };
    const elapsedMs = this.faults.answersAfterMs ?? 1;
    if (nothing && this.faults.acknowledges === 'nothing, and tells not') return { kind, elapsedMs };
    return { kind, elapsedMs, delivery };
  }

  #activate(): Answer {
    this.#mustAnswer();
    if (this.#staged === undefined && this.faults.refusesLate === true)
      return { kind: 'refused', elapsedMs: 1 };
    const restart = (): void => this.#boot();
    if (this.faults.restartsAfterMs === undefined) restart();
    else setTimeout(restart, this.faults.restartsAfterMs);
    return { kind: 'accepted', elapsedMs: 1 };
  }

  #confirm(): Answer {
    this.#mustAnswer();
    if (this.faults.neverConfirms === true) return { kind: 'accepted', elapsedMs: 1 };
    this.confirmed = this.running;
    this.floor = Math.max(this.floor, this.running.counter);
    return { kind: 'accepted', elapsedMs: 1 };
  }

  #state(): FirmwareState {
    this.#mustAnswer();
    const { running, confirmed, floor } = this;
    const whole: FirmwareState = {
      version: seen(running.version),
      digest: seen(running.digest),
      securityCounter: seen(floor),
      confirmation: seen(running === confirmed ? 'confirmed' : 'trial'),
      ...(this.faults.unstable === true ? { confirmation: seen(`boot ${this.powerCycles}`) } : {}),
    };
    const hidden = (this.faults.hides ?? []).map((term) => [term, notObservable('hidden by the test')]);
    return { ...whole, ...Object.fromEntries(hidden) } as FirmwareState;
  }

  #value(): number {
    this.#mustAnswer();
    const { process } = this.faults;
    if (process === 'times out') throw new TimeoutError('deadline', 'reading did not finish within 5 ms');
    if (process === 'frozen' || (process === 'frozen by a forged image' && this.#forged > 0)) return 42;
    return Math.floor(monotonicMs() / (timing.periodMs / 4));
  }

  #entries(): readonly AuditEvent[] {
    if (this.faults.audit === 'dead' && this.#forged > 0)
      throw new PortError('port-gone', 'the log’s wire is gone');
    return this.log;
  }

  async #ready(withinMs: number): Promise<{ tookMs: number }> {
    const startedAtMs = monotonicMs();
    const answers = (): true | undefined =>
      !this.dead && this.powered && monotonicMs() >= this.#readyAtMs ? true : undefined;
    await until(answers, { withinMs, everyMs: 2, what: 'a sign of readiness' });
    return { tookMs: monotonicMs() - startedAtMs };
  }
}
