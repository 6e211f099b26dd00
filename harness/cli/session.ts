/**
 * One run from the board file to the closed record: lock, record, bench, device, identity, and the way back.
 * `fieldproof run` and `npx mocha` both go through here.
 */

import { randomBytes } from 'node:crypto';
import { basename, join } from 'node:path';
import {
  crossCheck,
  loadBoard,
  loadDeclaration,
  refuseIfAny,
  type BoardFile,
  type BoardSources,
  type Declaration,
  type HeldLock,
  type LoadedBoard,
} from '../board/index.ts';
import { Bench } from '../bench.ts';
import type { FirmwareState } from '../capabilities.ts';
import { loadCatalogue, type Catalogue } from '../catalogue/index.ts';
import { Deadline, within } from '../clock.ts';
import { composeDevice } from '../device.ts';
import { BenchError, explain, NotExecuted } from '../errors.ts';
import { loadImageEngine } from '../lifecycle/image-engine.ts';
import { bootsWithinMs, setCurrentRun, type Depth, type Run, type RunProgress } from '../lifecycle/run.ts';
import type { RegisteredCase } from '../lifecycle/test-case.ts';
import type { HarmAccepted } from './harm.ts';
import { RunRecord } from '../record/record.ts';
import type { Signer } from '../record/signing.ts';
import { combine, verdicts, type Verdict } from '../verdict.ts';
import { mustHaveSpace, watchingDisk } from './disk-space.ts';
import { makersKeysOf, testKeyOf } from './board-keys.ts';
import { lockBoard } from './lock-board.ts';
import { defectOverrides } from './simulated-supply.ts';
import { noteFailure, opening, readImages, readSeries, stamp } from './run-opening.ts';
import { stopOnSignal } from './signals.ts';
import { applyMakersProfile } from '../makers-profile.ts';
import { catalogueDir } from './paths.ts';
import { driverSpecs, registry } from './registry.ts';

/** Everything that is read before hardware is touched. */
export interface Prepared {
  loaded: LoadedBoard;
  board: BoardFile;
  sources: BoardSources;
  declaration: Declaration;
  declarationSha256: string;
  catalogue: Catalogue;
}

/**
 * Loads and checks board file, declaration and catalogue.
 *
 * @throws BoardFileError listing every problem at once
 */
export async function prepare(boardFile: string): Promise<Prepared> {
  const loaded = await loadBoard(boardFile, driverSpecs);
  const { board, sources } = loaded;
  const declared = await loadDeclaration(board.declaration);
  refuseIfAny(boardFile, crossCheck(loaded, declared));
  const catalogue = await loadCatalogue(catalogueDir);
  return {
    loaded,
    board,
    sources,
    declaration: declared.declaration,
    declarationSha256: declared.sha256,
    catalogue,
  };
}

export interface SessionOptions {
  outDir: string;
  selected: readonly RegisteredCase[];
  /** Cases that the depth left out of the selection. */
  leftOut: readonly RegisteredCase[];
  progress: RunProgress;
  command: readonly string[];
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
  /** Told where the record is, before hardware is touched. */
  recordOpened?: (runDir: string) => void;
}

export class Session {
  readonly run: Run;
  readonly runDir: string;
  readonly #bench: Bench;
  readonly #record: RunRecord;
  readonly #lock: HeldLock;
  readonly #prepared: Prepared;
  readonly #clock = new Deadline(0);
  #deadline: NodeJS.Timeout | undefined;
  #interrupt: (reason: string) => void = () => undefined;
  #stopListening: () => void = () => undefined;
  #closed = false;

  private constructor(parts: {
    run: Run;
    bench: Bench;
    record: RunRecord;
    lock: HeldLock;
    prepared: Prepared;
    interrupt: (reason: string) => void;
  }) {
    this.run = parts.run;
    this.runDir = parts.record.dir;
    this.#bench = parts.bench;
    this.#record = parts.record;
    this.#lock = parts.lock;
    this.#prepared = parts.prepared;
    this.#interrupt = parts.interrupt;
  }

  /**
   * Takes the lock, opens the record, then the bench; reads who the device is. On failure everything is closed
   * again and the record tells why. Signals are heeded from here to the end of {@link close}.
   *
   * @throws BenchError saying what to do; NotExecuted when the operator ended it
   */
  static async open(prepared: Prepared, options: SessionOptions): Promise<Session> {
    const { board, sources } = prepared;
    const lock = await lockBoard(sources.file, options.lane);
    let record: RunRecord | undefined;
    let session: Session | undefined;
    try {
      const runId = `${stamp()}-${board.board}`;
      mustHaveSpace(options.outDir);
      const { signer } = options;
      const { secrets } = prepared.loaded;
      record = RunRecord.open({ dir: join(options.outDir, runId), runId, secrets, signer });
      options.recordOpened?.(record.dir);
      session = Session.#create(prepared, options, record, lock);
      // From here on: opening and waiting for a device can take minutes, and the operator need not wait for it.
      session.#stopListening = stopOnSignal(session);
      await Promise.race([session.#start(options), session.run.interruption]);
      return session;
    } catch (error) {
      noteFailure(record, error);
      if (session !== undefined) await session.close(error instanceof NotExecuted ? 'not-executed' : 'error');
      else {
        record?.abandon();
        await lock.release();
      }
      throw error;
    }
  }

  static #create(prepared: Prepared, options: SessionOptions, record: RunRecord, lock: HeldLock): Session {
    const { board, sources, declaration, catalogue } = prepared;
    const seed = randomBytes(16).toString('hex');
    record.append('run-opened', opening(prepared, options, { runId: record.runId, seed }));
    const bench = new Bench({
      board,
      boardDir: sources.directory,
      registry,
      record,
      stateDir: join(options.outDir, 'state', board.board + options.lane),
      interactive: options.interactive,
      overrides: defectOverrides(board, options.defects),
    });
    let interrupt: (reason: string) => void = () => undefined;
    const interruption = new Promise<never>((_resolve, reject) => {
      interrupt = (reason) => {
        run.interrupted = true;
        reject(new NotExecuted('interrupted', reason));
      };
    });
    interruption.catch(() => undefined); // nobody may be waiting when it comes
    const run: Run = {
      board,
      declaration,
      catalogue,
      device: {
        linkAttacks: new Map(),
        waitUntilReady: () => Promise.reject(new BenchError('not-open', 'not open')),
      },
      bench,
      record,
      images: readImages(board),
      series: readSeries(board, declaration),
      keys: new Map(Object.entries(board.keys)),
      seed,
      progress: watchingDisk(options.progress, options.outDir, (reason) => {
        interrupt(reason);
      }),
      selected: new Set(options.selected.map(({ id }) => id)),
      cuts: options.cuts,
      depth: options.depth,
      everyIngress: options.everyIngress,
      testKey: testKeyOf(board),
      makersKeys: makersKeysOf(board),
      poisoned: undefined,
      interrupted: false,
      interruption,
      imagesLeftOut: new Map(),
      verdicts: new Map(),
    };
    return new Session({ run, bench, record, lock, prepared, interrupt });
  }

  async #start(options: SessionOptions): Promise<void> {
    await this.#bench.open();
    const device = composeDevice(this.#bench, this.#prepared.board);
    this.run.device = await applyMakersProfile(this.#prepared.board.module, device, this.#bench);
    const { tookMs } = await this.run.device.waitUntilReady(2 * bootsWithinMs(this.run.declaration));
    this.#record.append('bench', { action: 'device ready', ok: true, tookMs });
    await this.#mustBeTheDeclaredDevice();
    await loadImageEngine();
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
      await this.#lock.release();
      this.#stopListening();
    }
  }

  async #finalState(): Promise<FirmwareState | undefined> {
    const { firmware } = this.run.device;
    if (firmware === undefined) return undefined;
    return within(firmware.readState(), 5000, 'reading the final state').catch(() => undefined);
  }

  /** Leaves the supply as the board file wants it; never throws. */
  async safeState(): Promise<void> {
    const wanted = this.#prepared.board.safeState?.power ?? 'leave';
    const { power } = this.run.device;
    if (wanted === 'leave' || power === undefined) return;
    await power[wanted]().catch((error: unknown) => {
      this.#record.append('bench', {
        action: `safe state: power ${wanted}`,
        ok: false,
        detail: explain(error),
      });
    });
  }

  #closeRecord(fallback: Verdict, finalState: FirmwareState | undefined): void {
    const missing = this.run.verdicts.size === 0 ? fallback : 'not-executed';
    const given = [...this.run.selected].map((id) => this.run.verdicts.get(id) ?? missing);
    const counts = Object.fromEntries(
      verdicts.map((verdict) => [verdict, given.filter((each) => each === verdict).length]),
    ) as Record<Verdict, number>;
    try {
      this.#record.close({
        verdict: combine(given),
        counts,
        tookMs: this.#clock.elapsedMs,
        interrupted: this.run.interrupted,
        imagesLeftOut: [...this.run.imagesLeftOut.values()].reduce((sum, images) => sum + images, 0),
        ...(finalState === undefined ? {} : { finalState }),
      });
    } catch (error) {
      this.#record.abandon();
      throw error;
    }
  }
}
