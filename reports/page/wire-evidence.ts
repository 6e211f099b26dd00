/** Which wire bytes belong to a case: segment, range and digest, from the segments' indices. */

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RunModel } from '../../harness/record/run-model.ts';
import { segmentsOf, type KnownSegment } from '../../harness/record/segments.ts';
import type { IndexLine } from '../../harness/record/wire-index.ts';

export interface WireEvidence {
  channel: string;
  /** Path inside the run folder. */
  file: string;
  /** First and last byte of the case, counted in the file. */
  from: number;
  to: number;
  /** Length and digest of the segment, as the record's chain has them. */
  bytes: number;
  sha256: string;
}

/** By case id, in the order of the chain. What a lost file would have shown is left out: the chain names it still. */
export function wireEvidence(runDir: string, model: RunModel): ReadonlyMap<string, readonly WireEvidence[]> {
  const windows = model.cases.flatMap(({ id, startedAt, endedAt }) =>
    startedAt === undefined || endedAt === undefined
      ? []
      : [{ id, fromMs: startedAt.tMono, toMs: endedAt.tMono }],
  );
  const found = new Map<string, WireEvidence[]>();
  for (const segment of segmentsOf(model.entries)) {
    const bursts = burstsOf(runDir, segment);
    for (const { id, fromMs, toMs } of windows) {
      const own = bursts.filter(({ tMono }) => tMono >= fromMs && tMono <= toMs);
      const [first, last] = [own[0], own.at(-1)];
      if (first === undefined || last === undefined) continue;
      const { channel, file, bytes, sha256, base } = segment;
      const range = { from: first.at - base, to: last.at + last.len - 1 - base };
      found.set(id, [...(found.get(id) ?? []), { channel, file, bytes, sha256, ...range }]);
    }
  }
  return found;
}

type Burst = Extract<IndexLine, { dir: string }>;

/** Complete lines only: a power loss may have torn the last one. */
function burstsOf(runDir: string, { file, index }: KnownSegment): Burst[] {
  const path = join(runDir, index.file);
  // A chain that was made up must not make us read elsewhere.
  if (!/^wire\/[\w.~-]+$/.test(file) || !/^wire\/[\w.~-]+$/.test(index.file) || !existsSync(path)) return [];
  const text = readFileSync(path, 'utf8');
  return text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .flatMap((line) => {
      if (line === '') return [];
      const one = JSON.parse(line) as IndexLine;
      return 'dir' in one ? [one] : [];
    });
}
