/**
 * The append-only account of a run: `record.jsonl`, chained line by line, and the wire segments that it covers.
 *
 * It is opened before any hardware is touched, synced at every verdict, and closed with the number of its entries and
 * a Merkle root over them. See `entry.ts` for the form of a line.
 */

import { randomBytes } from 'node:crypto';
import { dirname, join, resolve } from 'node:path';
import { monotonicMs, utcNow } from '../clock.ts';
import type { WireLog } from '../driver.ts';
import { EvidenceError } from '../errors.ts';
import { ChannelLog, type ChannelHost } from './channel-log.ts';
import { digestedBy, merkleRoot } from './digest.ts';
import { AppendFile, makeFolder, syncFolder } from './durable-file.ts';
import {
  hashOf,
  noPrevious,
  recordFile,
  wireFolder,
  type RecordEventKind,
  type RecordEvents,
  type Seal,
} from './entry.ts';
import type { KeptImage, NamedDigest, RunEventKind, RunEvents, StoredPayload } from './events.ts';
import { canonicalize } from './jcs.ts';
import { PayloadStore, type PayloadLimits } from './payloads.ts';
import { prepareResume } from './resume.ts';
import { readSalts, storeSalts } from './salts.ts';
import { SecretGuard, type Secret } from './secrets.ts';
import { writeCheckpoint } from './signed-checkpoint.ts';
import { sealRecord } from './signed-seal.ts';
import type { Signer } from './signing.ts';
import { WireBuffer } from './wire-buffer.ts';

export interface RecordOptions {
  /** Folder of this run alone; made when missing. */
  dir: string;
  secrets?: readonly Secret[];
  /** Chosen by the caller, or made from the time and four random bytes. */
  runId?: string;
  /** How much of images is kept beside the record. */
  payloads?: PayloadLimits;
  /** Signs checkpoints and the seal at the close; a record without one is closed all the same. */
  signer?: Signer | undefined;
}

/** Where in the run an entry belongs. */
export interface Place {
  caseId?: string | undefined;
  step?: string | undefined;
  attempt?: number | undefined;
}

/** After these the disk has everything, and the bench has signed it, before `append` returns. */
const syncedAt: ReadonlySet<RecordEventKind> = new Set([
  'run-opened',
  'verdict',
  'poisoned',
  'finding',
  'finding-withdrawn',
  'stock-taken',
  'run-resumed',
  'run-closed',
  'record-closed',
]);

/** Where an interrupted run goes on. */
interface Start {
  runId: string;
  leaves: Uint8Array[];
  /** Milliseconds to add to this process's monotonic clock so that the run's own never goes back. */
  clockOffsetMs: number;
  channels: ReadonlyMap<string, { nextNumber: number; base: number }>;
}

/** One run's record. One writer; close it with {@link close}, or {@link abandon} it as it is. */
export class RunRecord {
  readonly dir: string;
  readonly runId: string;
  readonly #file: AppendFile;
  readonly #guard: SecretGuard;
  readonly #payloads: PayloadStore;
  readonly #leaves: Uint8Array[];
  readonly #start: Start;
  readonly #signer: Signer | undefined;
  readonly #channels = new Map<string, ChannelLog>();
  readonly #stems = new Set<string>();
  #failure: EvidenceError | undefined;
  #seal: Seal | undefined;
  #released = false;

  private constructor(options: RecordOptions, file: AppendFile, guard: SecretGuard, start: Start) {
    const { dir, payloads, signer } = options;
    this.dir = dir;
    this.#payloads = new PayloadStore(dir, guard, payloads);
    this.runId = start.runId;
    this.#file = file;
    this.#guard = guard;
    this.#leaves = start.leaves;
    this.#start = start;
    this.#signer = signer;
  }

  /**
   * Starts the record of a new run. Nothing is written yet but the empty file: the first entry is `run-opened`.
   *
   * @throws EvidenceError when the folder cannot be written or holds a record already
   */
  static open(options: RecordOptions): RunRecord {
    const guard = new SecretGuard(options.secrets ?? []);
    makeFolder(join(options.dir, wireFolder));
    const file = new AppendFile(join(options.dir, recordFile), 'ax');
    try {
      storeSalts(options.dir, guard);
      syncFolder(options.dir);
      syncFolder(dirname(resolve(options.dir)));
    } catch (error) {
      file.close();
      throw error;
    }
    const runId = options.runId ?? newRunId();
    return new RunRecord(options, file, guard, {
      runId,
      leaves: [],
      clockOffsetMs: 0,
      channels: new Map(),
    });
  }

  /**
   * Goes on with an interrupted run. A torn last line is cut off, and the record says so. Wire bytes and payloads that no
   * entry had come to name are named now.
   *
   * @throws EvidenceError when the record is closed, empty, not as it was written, or not signed by the key with which it
   * was opened, or a secret is another one
   */
  static resume(options: Omit<RecordOptions, 'runId'>): RunRecord {
    const guard = new SecretGuard(options.secrets ?? [], readSalts(options.dir));
    const state = prepareResume(options.dir, guard.commitments, options.signer);
    storeSalts(options.dir, guard);
    const file = new AppendFile(join(options.dir, recordFile), 'a');
    // Nothing vouches for what was written without a key: no key may sign it afterwards.
    const signer = state.resumed.checkpoint === undefined ? undefined : options.signer;
    const record = new RunRecord({ ...options, signer }, file, guard, state);
    record.#write('record-resumed', state.resumed, {});
    if (!state.secretsDeclared) record.#declareSecrets();
    for (const { channel, segment } of state.unfinished) {
      record.#write('wire-segment', { ...segment, recovered: true }, { channel });
    }
    record.#sync();
    record.#sign();
    return record;
  }

  /** Hash of the first entry, which binds the run to all it is made with; undefined before there is one. */
  get openingHash(): string | undefined {
    const [opening] = this.#leaves;
    return opening === undefined ? undefined : hex(opening);
  }

  /** The first trouble with the disk, after which nothing more is written. */
  get failure(): EvidenceError | undefined {
    return this.#failure;
  }

  /** Milliseconds on the run's monotonic clock, as entries and wire indexes carry them. */
  now(): number {
    return rounded(monotonicMs() + this.#start.clockOffsetMs);
  }

  /**
   * Writes one entry. Every string of the payload goes through the secrets first.
   *
   * @returns the entry's number
   * @throws EvidenceError when the disk failed, now or earlier, or the payload has no JSON form
   */
  append<Kind extends RunEventKind>(kind: Kind, payload: RunEvents[Kind], place: Place = {}): number {
    this.#checkRunId(payload);
    const seq = this.#write(kind, payload as RecordEvents[Kind], place);
    if (kind === 'run-opened') this.#declareSecrets();
    if (!syncedAt.has(kind)) return seq;
    this.checkpoint();
    this.#sign();
    return seq;
  }

  /** Keeps an input of the run beside the record, with its secrets blanked. On the disk when this returns. */
  keepText(name: string, text: string, mediaType: string): StoredPayload {
    this.#raise();
    return this.#guarded(() => this.#payloads.keepText(name, text, mediaType));
  }

  /** Keeps an image beside the record, or says why not. On the disk when this returns. */
  keepImage(image: NamedDigest & { bytes: Uint8Array }): KeptImage {
    this.#raise();
    return this.#guarded(() => this.#payloads.keepImage(image));
  }

  /** Everything so far, wire bytes included, is on the disk and covered by the chain when this returns. */
  checkpoint(): void {
    this.#raise();
    this.#guarded(() => {
      for (const channel of this.#channels.values()) channel.checkpoint();
      this.#file.sync();
    });
    this.#raise();
  }

  /** Where the driver of a wire puts its bytes; the same object for the same channel. It never throws. */
  wireLog(channel: string): WireLog {
    const known = this.#channels.get(channel);
    if (known !== undefined) return known;
    const stem = this.#stemFor(channel);
    const start = this.#start.channels.get(channel);
    const buffer = new WireBuffer(start?.base ?? 0, this.#guard.patterns);
    const log = new ChannelLog(channel, stem, this.#host(), buffer, { number: start?.nextNumber ?? 1 });
    this.#channels.set(channel, log);
    return log;
  }

  /**
   * Finishes the segments, writes `run-closed`, the count and the root, and the seal beside the record. Safe twice.
   *
   * @throws EvidenceError when the disk fails: then the run counts as interrupted
   */
  close(closing: RunEvents['run-closed']): Seal {
    if (this.#seal !== undefined) return this.#seal;
    this.#raise();
    this.#guarded(() => {
      for (const channel of this.#channels.values()) channel.finish();
    });
    this.append('run-closed', closing);
    return this.#closeRecord();
  }

  /** The last two steps of {@link close}, for a run that was interrupted between them and `run-closed`. */
  closeAgain(): Seal {
    return this.#seal ?? this.#closeRecord();
  }

  #closeRecord(): Seal {
    const count = this.#leaves.length;
    const root = hex(merkleRoot(this.#leaves));
    this.#write('record-closed', { count, root, digestedBy }, {});
    this.#sync();
    const head = hex(this.#leaves[count]);
    const seal: Seal = { runId: this.runId, count, root, head, tUtc: utcNow() };
    this.#guarded(() => {
      sealRecord(this.dir, seal, this.#signer);
    });
    this.#seal = seal;
    this.abandon();
    return seal;
  }

  /** Lets go of all files without closing the record: the run counts as interrupted. Safe twice, and after `close`. */
  abandon(): void {
    if (this.#released) return;
    this.#released = true;
    for (const channel of this.#channels.values()) channel.release();
    this.#file.close();
    this.#failure ??= new EvidenceError('record-closed', `the record of run ${this.runId} is closed`);
  }

  #host(): ChannelHost {
    return {
      dir: this.dir,
      now: () => ({ tMono: this.now(), utcMs: Date.now() }),
      chain: (kind, channel, segment) => {
        this.#write(kind, segment, { channel });
      },
      failed: (cause) => {
        this.#keep(cause);
      },
      clean: (text) => this.#guard.text(text),
    };
  }

  #checkRunId(payload: object): void {
    if ('runId' in payload && payload.runId !== this.runId) {
      const says = `run-opened says ${String(payload.runId)}, the record is of run ${this.runId}`;
      throw new EvidenceError('record-order', says, { hint: 'Take the run id from the record.' });
    }
  }

  #checkOrder(kind: RecordEventKind): void {
    const first = this.#leaves.length === 0;
    if (first !== (kind === 'run-opened')) {
      const why = first ? `${kind} cannot be the first entry` : 'the run is opened already';
      throw new EvidenceError('record-order', `record of run ${this.runId}: ${why}`, {
        hint: 'Append run-opened first, once; it binds the record to board, catalogue and images.',
      });
    }
  }

  #declareSecrets(): void {
    const secrets = this.#guard.commitments;
    if (secrets.length > 0) this.#write('secrets-declared', { secrets }, {});
  }

  #write<Kind extends RecordEventKind>(
    kind: Kind,
    payload: RecordEvents[Kind],
    place: Place & { channel?: string },
  ): number {
    this.#raise();
    this.#checkOrder(kind);
    const seq = this.#leaves.length;
    const entry = {
      seq,
      runId: this.runId,
      caseId: place.caseId,
      step: place.step === undefined ? undefined : this.#guard.text(place.step),
      attempt: place.attempt,
      tMono: this.now(),
      tUtc: utcNow(),
      kind,
      channel: place.channel,
      payload: this.#guard.value(payload),
      prev: seq === 0 ? noPrevious : hex(this.#leaves[seq - 1]),
    };
    const hash = hashOf(entry);
    const line = `${canonicalize({ ...entry, hash: hex(hash) })}\n`;
    this.#guarded(() => {
      this.#file.append(Buffer.from(line, 'utf8'));
    });
    this.#leaves.push(hash);
    return seq;
  }

  /** The bench vouches for the record as far as it has come. What it signs has to be on the disk already. */
  #sign(): void {
    const signer = this.#signer;
    if (signer === undefined) return;
    const seq = this.#leaves.length - 1;
    const checkpoint = { runId: this.runId, seq, head: hex(this.#leaves[seq]) };
    this.#guarded(() => {
      writeCheckpoint(this.dir, checkpoint, signer);
    });
  }

  #sync(): void {
    this.#guarded(() => {
      this.#file.sync();
    });
  }

  #guarded<T>(work: () => T): T {
    try {
      return work();
    } catch (cause) {
      throw this.#keep(cause);
    }
  }

  #keep(cause: unknown): EvidenceError {
    this.#failure ??=
      cause instanceof EvidenceError
        ? cause
        : new EvidenceError('record-failed', 'the record failed', { cause });
    return this.#failure;
  }

  #raise(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  #stemFor(channel: string): string {
    const plain = channel.replace(/[^A-Za-z0-9._-]/g, '_').replace(/^\.+/, '_');
    let stem = plain;
    for (let n = 2; this.#stems.has(stem.toLowerCase()); n += 1) stem = `${plain}~${n}`;
    this.#stems.add(stem.toLowerCase());
    return stem;
  }
}

function newRunId(): string {
  const stamp = new Date().toISOString().replace(/[-:]|\.\d+/g, '');
  return `${stamp}-${randomBytes(4).toString('hex')}`;
}

function hex(bytes: Uint8Array | undefined): string {
  return Buffer.from(bytes ?? []).toString('hex');
}

/** Microseconds are as fine as an event loop can promise. */
function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
