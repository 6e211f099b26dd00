/**
 * One run from the board file to the closed record: lock, record, bench, device, identity, and the way back.
 * `fieldproof run` and `npx mocha` both go through here.
 */

import { randomBytes } from 'node:crypto';
import { basename, join } from 'node:path';
import type { HeldLock } from '../board/index.ts';
import { Bench } from '../bench.ts';
import type { FirmwareState } from '../capabilities.ts';
import { Deadline, within } from '../clock.ts';
import { composeDevice } from '../device.ts';
import { BenchError, explain, NotExecuted } from '../errors.ts';
import { loadImageEngine } from '../lifecycle/image-engine.ts';
import { baselineAfterInterruption } from '../lifecycle/after-interruption.ts';
import { bootsWithinMs, setCurrentRun, type Depth, type Run, type RunProgress } from '../lifecycle/run.ts';
import type { RegisteredCase } from '../lifecycle/test-case.ts';
import type { HarmAccepted } from './harm.ts';
import type { RunRecord } from '../record/record.ts';
import type { Continuation } from '../record/continuation.ts';
import type { RunEvents } from '../record/events.ts';
import type { Signer } from '../record/signing.ts';
import { countVerdicts } from '../record/run-model.ts';
import { combine, type Verdict } from '../verdict.ts';
import { mustHaveSpace } from './disk-space.ts';
import { lockBoard, lockRecord } from './lock-board.ts';
import { defectOverrides } from './simulated-supply.ts';
import { newRun } from './new-run.ts';
import type { Plan } from './plan-text.ts';
import { leaveRecordOpen, noteFailure, openRecord, recordOf, resumeRecord } from './run-opening.ts';
import { stopOnSignal } from './signals.ts';
import { applyMakersProfile } from '../makers-profile.ts';
import type { Prepared } from './prepare.ts';
import { registry } from './registry.ts';
import { stampOpening } from './evidence/stamp-run.ts';

/** The run that goes on, and where it stands. */
export interface Resumption {
  /** Folder of the run. */
  dir: string;
  continuation: Continuation;
}

export interface SessionOptions {
  outDir: string;
  /** Cases to run now: of a run that goes on, those that are not decided. */
  selected: readonly RegisteredCase[];
  /** Cases that the depth left out of the selection. */
  leftOut: readonly RegisteredCase[];
  progress: RunProgress;
  command: readonly string[];
  /** What the run is expected to do and to cost, for the record. */
  plan: Plan;
  /** Goes on with this run in place of a new one. */
  resume?: Resumption | undefined;
  /** Faults to switch on in a simulated device. */
  defects: readonly string[];
  cuts: number;
  depth: Depth;
  everyIngress: boolean;
  /** Stimuli that may cost this device, and how a person agreed to them. */
  harmAccepted?: HarmAccepted | undefined;
  /** Runs of the same simulated board beside each other take different lanes, and so different locks. */
  lane: string;
  interactive: boolean;
  /** Signs the close of the record; absent where the bench has no key. */
  signer?: Signer | undefined;
  /** After this long the run is ended as if the operator had asked. */
  withinMs: number;
  /** Address of a time-stamping authority, which stamps the first entry before hardware is touched. */
  authority?: string | undefined;
  /** Told where the record is, before hardware is touched. */
  recordOpened?: (runDir: string) => void;
}

export class Session {
  readonly run: Run;
  readonly runDir: string;
  readonly #bench: Bench;
  readonly #record: RunRecord;
  readonly #locks: readonly HeldLock[];
  readonly #prepared: Prepared;
  readonly #clock = new Deadline(0);
  readonly #options: SessionOptions;
  #deadline: NodeJS.Timeout | undefined;
  /** Why the record stays open, so that the run can go on another time. */
  #leaveOpen: string | undefined;
  #interrupt: (reason: string) => void = () => undefined;
  #stopListening: () => void = () => undefined;
  #closed = false;

  private constructor(parts: {
    run: Run;
    bench: Bench;
    record: RunRecord;
    locks: readonly HeldLock[];
    prepared: Prepared;
    options: SessionOptions;
    interrupt: (reason: string) => void;
  }) {
    this.run = parts.run;
    this.runDir = parts.record.dir;
    this.#bench = parts.bench;
    this.#record = parts.record;
    this.#locks = parts.locks;
    this.#prepared = parts.prepared;
    this.#options = parts.options;
    this.#interrupt = parts.interrupt;
  }

  /**
   * Takes the lock, opens the record, then the bench; reads who the device is. On failure everything is closed
   * again and the record tells why. Signals are heeded from here to the end of {@link close}.
   *
   * @throws BenchError saying what to do; NotExecuted when the operator ended it
   */
  static async open(prepared: Prepared, options: SessionOptions): Promise<Session> {
    const locks = [await lockBoard(prepared.sources.file, options.lane)];
    let record: RunRecord | undefined;
    let session: Session | undefined;
    try {
      mustHaveSpace(options.outDir);
      record = recordOf(prepared, options);
      // Who goes on with a run has taken this lock to read where it stands.
      if (options.resume === undefined) locks.push(await lockRecord(record.dir));
      options.recordOpened?.(record.dir);
      session = Session.#create(prepared, options, { record, locks });
      // From here on: opening and waiting for a device can take minutes, and the operator need not wait for it.
      session.#stopListening = stopOnSignal(session);
      await Promise.race([session.#start(options), session.run.interruption]);
      return session;
    } catch (error) {
      noteFailure(record, error, options.resume !== undefined);
      if (options.resume !== undefined) session?.leaveOpen(`it could not go on: ${explain(error)}`);
      if (session !== undefined) await session.close(error instanceof NotExecuted ? 'not-executed' : 'error');
      else {
        record?.abandon();
        await releaseAll(locks);
      }
      throw error;
    }
  }

  static #create(
    prepared: Prepared,
    options: SessionOptions,
    { record, locks }: { record: RunRecord; locks: readonly HeldLock[] },
  ): Session {
    const { board, sources } = prepared;
    const seed = options.resume?.continuation.header.seed ?? randomBytes(16).toString('hex');
    if (options.resume === undefined) openRecord(record, prepared, options, seed);
    else resumeRecord(record, options, options.resume);
    const bench = new Bench({
      board,
      boardDir: sources.directory,
      registry,
      record,
      stateDir: join(options.outDir, 'state', board.board + options.lane),
      interactive: options.interactive,
      overrides: defectOverrides(board, options.defects),
    });
    const parts = newRun(prepared, options, {
      bench,
      record,
      seed,
      full: (reason) => {
        session.pause(reason);
      },
    });
    const session = new Session({ ...parts, bench, record, locks, prepared, options });
    return session;
  }

  async #start(options: SessionOptions): Promise<void> {
    if (options.authority !== undefined) await stampOpening(this.#record, options.authority);
    if (options.resume !== undefined && (this.run.poisoned !== undefined || options.selected.length === 0))
      return this.#openWhatOpens();
    await this.#bench.open();
    const device = composeDevice(this.#bench, this.#prepared.board);
    this.run.device = await applyMakersProfile(this.#prepared.board.module, device, this.#bench);
    const { tookMs } = await this.run.device.waitUntilReady(2 * bootsWithinMs(this.run));
    this.#record.append('bench', { action: 'device ready', ok: true, tookMs });
    await this.#mustBeTheDeclaredDevice();
    await loadImageEngine();
    if (options.resume !== undefined) await baselineAfterInterruption(this.run);
    this.#begin(options);
  }

  /** No case will touch the device any more; the safe state and the last look are worth a try all the same. */
  async #openWhatOpens(): Promise<void> {
    const opened = await this.#bench.openWhatOpens();
    if (opened.every(({ error }) => error === undefined))
      this.run.device = composeDevice(this.#bench, this.#prepared.board);
    this.#begin(this.#options);
  }

  #begin(options: SessionOptions): void {
    setCurrentRun(this.run);
    this.#deadline = setTimeout(() => {
      this.interrupt(`the run's deadline of ${options.withinMs / 60_000} minutes passed`);
    }, options.withinMs);
    this.#deadline.unref();
  }

  /** A run on the wrong device is worth nothing: stop before the first case. */
  async #mustBeTheDeclaredDevice(): Promise<void> {
    const { identity } = this.run.device;
    if (identity === undefined) {
      this.#record.append('bench', {
        action: 'identity',
        ok: true,
        detail:
          'not observable: the board names no way to read the identity; the declaration is taken on trust',
      });
      return;
    }
    const read = await identity.read();
    const declared = this.run.declaration.device as Readonly<Record<string, string | undefined>>;
    const differences = Object.entries(read).flatMap(([key, value]) => {
      const expected = declared[key];
      return expected === undefined || expected === value
        ? []
        : [`${key}: declared ${expected}, read ${value}`];
    });
    this.#record.append('identity', { read, matches: differences.length === 0, differences });
    if (differences.length === 0) return;
    throw new BenchError('wrong-device', `this is not the declared device: ${differences.join('; ')}`, {
      hint: `Attach the declared device, or correct device: in ${basename(this.#prepared.board.declaration)}.`,
    });
  }

  /** Ends the running case, and keeps the next ones from starting. */
  interrupt(reason: string): void {
    this.#interrupt(reason);
  }

  /** As {@link interrupt}; the record stays open, so that the run can go on with `--resume`. */
  pause(reason: string): void {
    this.leaveOpen(reason);
    this.#interrupt(reason);
  }

  /** Keeps {@link close} from closing the record. */
  leaveOpen(reason: string): void {
    this.#leaveOpen ??= reason;
  }

  /**
   * Safe state, wires, record, lock; each step whatever the others did. Safe twice.
   *
   * @param fallback the run's verdict when not a single case has one
   */
  async close(fallback: Verdict = 'not-executed'): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#deadline);
    setCurrentRun(undefined);
    const finalState = await this.#finalState();
    await this.safeState();
    await this.#bench.close();
    try {
      this.#closeRecord(fallback, finalState);
    } finally {
      await releaseAll(this.#locks);
      this.#stopListening();
    }
  }

  async #finalState(): Promise<FirmwareState | undefined> {
    const { firmware } = this.run.device;
    if (firmware === undefined) return undefined;
    return within(firmware.readState(), 5000, 'reading the final state').catch(() => undefined);
  }

  /** Leaves the supply as the board file wants it, for good; never throws. */
  async safeState(): Promise<void> {
    const wanted = this.#prepared.board.safeState?.power ?? 'leave';
    const { power } = this.run.device;
    if (power === undefined) return;
    await this.#bench.rest(power, wanted).catch((error: unknown) => {
      this.#record.append('bench', {
        action: `safe state: power ${wanted}`,
        ok: false,
        detail: explain(error),
      });
    });
  }

  #closeRecord(fallback: Verdict, finalState: FirmwareState | undefined): void {
    try {
      if (this.#leaveOpen === undefined) this.#record.close(this.#closing(fallback, finalState));
      else leaveRecordOpen(this.#record, this.#leaveOpen);
    } catch (error) {
      this.#record.abandon();
      throw error;
    }
  }

  #closing(fallback: Verdict, finalState: FirmwareState | undefined): RunEvents['run-closed'] {
    const missing = this.run.verdicts.size === 0 ? fallback : 'not-executed';
    const given = [...this.run.selected].map((id) => this.run.verdicts.get(id) ?? missing);
    return {
      verdict: combine(given),
      counts: countVerdicts(given),
      tookMs: (this.#options.resume?.continuation.tookMs ?? 0) + this.#clock.elapsedMs,
      interrupted: this.run.interrupted,
      imagesLeftOut: [...this.run.imagesLeftOut.values()].reduce((sum, images) => sum + images, 0),
      ...(finalState === undefined ? {} : { finalState }),
    };
  }
}

async function releaseAll(locks: readonly HeldLock[]): Promise<void> {
  for (const lock of locks) await lock.release();
}
