/** What the fuzzer's process and the ones that it watches say to each other. */

import type { FuzzInput } from '../../harness/image/test/fuzz/target.ts';

/** Work of one child: one target. JSON, its only argument. */
export interface Job {
  target: string;
  seed: string;
  /** Ends after this; 0: only what there is to start from is run. */
  forMs: number;
  /** Where the input that is being run stands, see {@link Recorder}. */
  recorder: string;
  /** Findings are written here, each in a folder of its own. */
  out: string;
  /** Folder of an earlier run, of findings, or of inputs. */
  from?: string;
  /** Inputs of the project's corpus are read from here, and written with `writeCorpus`. */
  corpus: string;
  writeCorpus: boolean;
}

export interface Status {
  kind: 'status';
  inputs: number;
  /** Undefined where Node.js gives no coverage. */
  blocks?: number;
  features: number;
  kept: number;
  findings: number;
}

export type Message =
  | Status
  | { kind: 'finding'; what: string; folder: string }
  | { kind: 'corpus'; files: number; bytes: number }
  | { kind: 'done' };

/** One finding, beside its `input.bin`. */
export interface FindingFile {
  target: string;
  judge: number;
  key: string;
  failure: string;
  seed: string;
  /** To make the target as it was, for those whose samples have fresh keys. */
  record?: unknown;
}

export type { FuzzInput };
