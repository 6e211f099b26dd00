/** Wire bytes of a run, burst by burst, as they crossed the wire. */

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Entry } from './entry.ts';
import { segmentsOf, wireFiles } from './segments.ts';
import type { IndexLine } from './wire-index.ts';

/** One thing that happened on a wire. Blanked secrets show as asterisks in `bytes`, and as a `secret` line after them. */
export type WireHappening =
  | {
      kind: 'burst';
      channel: string;
      direction: 'sent' | 'received';
      bytes: Buffer;
      tMono: number;
      tUtc: string;
    }
  | { kind: 'event'; channel: string; text: string; tMono: number; tUtc: string }
  | { kind: 'secret'; channel: string; name: string; commitment: string; bytes: number };

export interface WireWindow {
  fromMs: number;
  toMs: number;
}

/** Channels of which the run has bytes, in the order of the chain. */
export function channelsOf(entries: readonly Entry[]): string[] {
  return [...new Set(segmentsOf(entries).map(({ channel }) => channel))];
}

/**
 * What happened on one channel, in order, read segment by segment.
 *
 * @param window only what falls into this part of the run's monotonic clock, both ends included
 */
export function* readWire(
  dir: string,
  entries: readonly Entry[],
  channel: string,
  window: WireWindow = { fromMs: -Infinity, toMs: Infinity },
): Generator<WireHappening> {
  for (const { file, base } of segmentsOf(entries).filter((segment) => segment.channel === channel)) {
    const indexPath = join(dir, file.replace(/\.bin$/, '.index.jsonl'));
    if (!existsSync(indexPath)) continue;
    let bytes: Buffer | undefined;
    let included = false;
    for (const line of indexLines(indexPath)) {
      if ('tMono' in line) included = line.tMono >= window.fromMs && line.tMono <= window.toMs;
      if (!included) continue;
      bytes ??= readFileSync(join(dir, file));
      yield happening(line, channel, bytes, base);
    }
  }
}

/** Whole lines only, up to the first that a power loss tore or that the disk had not yet filled. */
function* indexLines(path: string): Generator<IndexLine> {
  const text = readFileSync(path, 'utf8');
  for (const line of text.slice(0, text.lastIndexOf('\n') + 1).split('\n')) {
    if (line === '') continue;
    const read = parsed(line);
    if (read === undefined) return;
    yield read;
  }
}

function parsed(line: string): IndexLine | undefined {
  try {
    return JSON.parse(line) as IndexLine;
  } catch {
    return undefined;
  }
}

function happening(line: IndexLine, channel: string, bytes: Buffer, base: number): WireHappening {
  if ('event' in line)
    return { kind: 'event', channel, text: line.event, tMono: line.tMono, tUtc: line.tUtc };
  if ('secret' in line) {
    const length = line.ranges.reduce((sum, [, len]) => sum + len, 0);
    return { kind: 'secret', channel, name: line.secret, commitment: line.commitment, bytes: length };
  }
  const part = bytes.subarray(line.at - base, line.at - base + line.len);
  return { kind: 'burst', channel, direction: line.dir, bytes: part, tMono: line.tMono, tUtc: line.tUtc };
}

/** Paths, inside the run folder, of everything that the wire folder holds. */
export const wireFilesOf = wireFiles;
