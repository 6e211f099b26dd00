/** The run that suites and lifecycle belong to, put together from board file, record and options. */

import type { Bench } from '../bench.ts';
import { BenchError, NotExecuted } from '../errors.ts';
import type { Run } from '../lifecycle/run.ts';
import { nothingEarlier } from '../record/continuation.ts';
import type { RunRecord } from '../record/record.ts';
import { makersKeysOf, testKeyOf } from './board-keys.ts';
import { watchingDisk } from './disk-space.ts';
import { readImages, readSeries } from './run-opening.ts';
import type { Prepared } from './prepare.ts';
import type { SessionOptions } from './session.ts';

export interface NewRun {
  run: Run;
  /** Ends the running case, and keeps the next ones from starting. */
  interrupt(reason: string): void;
}

/**
 * The device is still to come, with the bench.
 *
 * @param parts `full` is told when the disk has no room for another case
 */
export function newRun(
  { board, declaration, catalogue }: Prepared,
  options: SessionOptions,
  parts: { bench: Bench; record: RunRecord; seed: string; full: (reason: string) => void },
): NewRun {
  const earlier = options.resume?.continuation;
  const taken = earlier?.stockTaken ?? new Set();
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
    bench: parts.bench,
    record: parts.record,
    images: readImages(board),
    series: readSeries(board, declaration).filter(({ sha256 }) => !taken.has(sha256)),
    keys: new Map(Object.entries(board.keys)),
    seed: parts.seed,
    progress: watchingDisk(options.progress, options.outDir, parts.full),
    selected: new Set(earlier?.header.selected ?? options.selected.map(({ id }) => id)),
    cuts: options.cuts,
    depth: options.depth,
    everyIngress: options.everyIngress,
    testKey: testKeyOf(board),
    makersKeys: makersKeysOf(board),
    poisoned: earlier?.poisoned,
    interrupted: false,
    interruption,
    imagesLeftOut: new Map(earlier?.imagesLeftOut),
    verdicts: new Map(earlier?.decided),
    earlier: earlier?.earlier ?? nothingEarlier,
  };
  return {
    run,
    interrupt: (reason) => {
      interrupt(reason);
    },
  };
}
