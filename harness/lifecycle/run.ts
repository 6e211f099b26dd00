/** One run: the parts that live as long as it does. The command line puts it together; the lifecycle uses it. */

import type { Device, FirmwareImage } from '../capabilities.ts';
import type { BoardFile, Declaration } from '../board/index.ts';
import type { Catalogue } from '../catalogue/index.ts';
import type { Earlier } from '../record/continuation.ts';
import { depths, type Depth, type KeptImage, type RunEventKind, type RunEvents } from '../record/events.ts';
import type { PublicKey, TestKey } from '../image/trust.ts';
import type { Verdict } from '../verdict.ts';

/** The pen of the record, as far as the lifecycle needs it. */
export interface Recorder {
  append<Kind extends RunEventKind>(
    kind: Kind,
    payload: RunEvents[Kind],
    context?: { caseId?: string; step?: string; attempt?: number },
  ): void;
  /** Keeps an image beside the record, or says why not. On the disk when this returns. */
  keepImage(image: FirmwareImage): KeptImage;
  /** Makes everything up to here survive a power loss. */
  checkpoint(): void;
}

/** What the lifecycle may ask of the bench. */
export interface BenchHands {
  /** Our end of every wire; empty when all is in order. */
  selfTest(): Promise<readonly { wire: string; error: unknown }[]>;
  /** Reopens wires that were lost; returns those that stay lost. */
  reopenLost(): Promise<readonly { wire: string; error: unknown }[]>;
}

export interface RunProgress {
  caseStarted(id: string, title: string): void;
  caseEnded(id: string, verdict: Verdict, provisional: boolean, reason: string, tookMs: number): void;
}

export { depths, type Depth };

export interface Run {
  readonly board: BoardFile;
  readonly declaration: Declaration;
  readonly catalogue: Catalogue;
  /** Complete once the bench is open. */
  device: Device;
  readonly bench: BenchHands;
  readonly record: Recorder;
  readonly images: ReadonlyMap<string, FirmwareImage>;
  /** Stock of ever newer images for controls, oldest first; controls take from its front. */
  readonly series: FirmwareImage[];
  readonly keys: ReadonlyMap<string, Uint8Array>;
  /** Master seed of everything random in this run, hex. */
  readonly seed: string;
  readonly progress: RunProgress;
  /** Ids of the cases that this run is about, in the order of the catalogue. */
  readonly selected: ReadonlySet<string>;
  /** How many power cuts a sweep makes. */
  readonly cuts: number;
  readonly depth: Depth;
  /** True when each attack image goes through every way in, not only the primary one. */
  readonly everyIngress: boolean;
  /** A private key that the device trusts, from the board file's `keys.test`. */
  readonly testKey: TestKey | undefined;
  /** The maker's public keys, from the board file's `keys.maker`. */
  readonly makersKeys: readonly PublicKey[];
  /** First cause that keeps the board from its baseline; later cases only name it. */
  poisoned: { cause: string; byCase: string } | undefined;
  /** True once the operator asked to stop. */
  interrupted: boolean;
  /** Rejects with NotExecuted when the operator asks to stop; a running case is raced against it. */
  readonly interruption: Promise<never>;
  /** Attack images that the depth left out, by case. */
  readonly imagesLeftOut: Map<string, number>;
  /** Latest verdict per case. */
  readonly verdicts: Map<string, Verdict>;
  /** What the parts of this run before an interruption left. */
  readonly earlier: Earlier;
}

/**
 * How long the bench waits for a device to boot: what its board file says, which is never less than what is declared;
 * otherwise what is declared; otherwise half a minute.
 */
export function bootsWithinMs({ board, declaration }: Pick<Run, 'board' | 'declaration'>): number {
  return board.profile.bootsWithinMs ?? declaration.update?.bootsWithinMs ?? 30_000;
}

let current: Run | undefined;

/** The run that the suites belong to. There is one per process. */
export function currentRun(): Run {
  if (current === undefined) {
    throw new Error('No run is open: start suites with `fieldproof run`, or with BOARD=… npx mocha.');
  }
  return current;
}

export function setCurrentRun(run: Run | undefined): void {
  current = run;
}
