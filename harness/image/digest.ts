/**
 * Digests of parts of an image, each byte hashed once: states along the way are remembered, and a patched image goes on
 * from the state of its base at the first change.
 */

import { createHash, type Hash } from 'node:crypto';
import { clip, pieces, type ByteSource } from './byte-source.ts';

export type DigestAlgorithm = 'sha1' | 'sha256' | 'sha384' | 'sha512';

/** Digest of `[start, end)`, clipped to the source. */
export function digestOf(
  source: ByteSource,
  algorithm: DigestAlgorithm = 'sha256',
  range: { start?: number; end?: number } = {},
): Buffer {
  const { start, end } = clip(range.start ?? 0, range.end ?? source.size, source.size);
  return stateAt(source, algorithm, start, end).copy().digest();
}

/** SHA-256 of the whole source, lower-case hex: how images are named on the record. */
export function sha256Hex(source: ByteSource): string {
  return digestOf(source).toString('hex');
}

/** States of one hash that began at one offset, in ascending order of where they stand. */
interface Trail {
  stops: { at: number; hash: Hash }[];
}

const trails = new WeakMap<ByteSource, Map<string, Trail>>();

/** Distance of remembered states in bytes: a change costs at most this much hashing again. */
const stride = 8 * 1024 * 1024;
/** States remembered of one trail, beside those at the stride: ends that were asked for. */
const mostStops = 512;
/** Trails of one source: a hostile image may name very many parts. */
const mostTrails = 64;

function trailOf(source: ByteSource, algorithm: DigestAlgorithm, start: number): Trail {
  const ofSource = trails.get(source) ?? new Map<string, Trail>();
  trails.set(source, ofSource);
  const key = `${algorithm} from ${start}`;
  const trail = ofSource.get(key) ?? { stops: [] };
  if (ofSource.size < mostTrails) ofSource.set(key, trail);
  return trail;
}

/** The state of a hash that has taken in `[start, end)`. To be copied, not updated. */
function stateAt(source: ByteSource, algorithm: DigestAlgorithm, start: number, end: number): Hash {
  const origin = start < end ? source.origin?.(start) : undefined;
  if (origin !== undefined && origin.end >= end) {
    return stateAt(origin.source, algorithm, origin.from, origin.from + (end - start));
  }
  const trail = trailOf(source, algorithm, start);
  const from =
    before(trail, end) ??
    (origin === undefined
      ? { at: start, hash: createHash(algorithm) }
      : {
          at: origin.end,
          hash: stateAt(origin.source, algorithm, origin.from, origin.from + (origin.end - start)),
        });
  if (from.at === end) return from.hash;
  const hash = from.hash.copy();
  let at = from.at;
  let remembered = from.at;
  for (const piece of pieces(source, { start: from.at, end })) {
    hash.update(piece);
    at += piece.length;
    if (at - remembered < stride && at !== end) continue;
    remember(trail, at, hash);
    remembered = at;
  }
  return hash;
}

/** The last remembered state that stands at `end` or before. */
function before(trail: Trail, end: number): { at: number; hash: Hash } | undefined {
  return trail.stops.findLast(({ at }) => at <= end);
}

function remember(trail: Trail, at: number, hash: Hash): void {
  if (trail.stops.length >= mostStops || trail.stops.some((stop) => stop.at === at)) return;
  trail.stops.push({ at, hash: hash.copy() });
  trail.stops.sort((a, b) => a.at - b.at);
}
