/**
 * Digests of parts of an image, each byte hashed once: states along the way are remembered by what was hashed. An image
 * that differs from its base late goes on from the base's state; two that begin alike share their beginning.
 */

import { createHash, type Hash } from 'node:crypto';
import { clip, pieces, rootOf, type ByteSource, type Origin } from './byte-source.ts';

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

/** States of one hash inside one run of bytes, by how far into it, ascending. */
type Trail = { bytes: number; hash: Hash }[];

/** By algorithm, everything that was hashed before, and where the run began. The least recently used goes first. */
const trails = new Map<string, Trail>();
const mostTrails = 128;
/** States of one trail: a change in a long run costs at most one stride of hashing again. */
const mostStates = 256;
const stride = 8 * 1024 * 1024;
/** More runs than this are hashed without remembering anything. */
const mostRuns = 1000;

/** A run of bytes of one origin, with the name of the trail inside it. */
interface Run {
  start: number;
  bytes: number;
  trail: string;
}

/** The state of a hash that has taken in `[start, end)`. To be copied, not updated. */
function stateAt(source: ByteSource, algorithm: DigestAlgorithm, start: number, end: number): Hash {
  const runs = runsOf(source, algorithm, start, end);
  if (runs === undefined) return update(createHash(algorithm), source, start, end);
  let known: { index: number; bytes: number; hash: Hash } | undefined;
  for (let index = runs.length - 1; index >= 0 && known === undefined; index -= 1) {
    const run = runs[index];
    if (run === undefined) break;
    const state = trailNamed(run.trail)?.findLast(({ bytes }) => bytes <= run.bytes);
    if (state !== undefined) known = { index, ...state };
  }
  const hash = known?.hash.copy() ?? createHash(algorithm);
  for (const [offset, run] of runs.slice(known?.index ?? 0).entries()) {
    const done = offset === 0 ? (known?.bytes ?? 0) : 0;
    follow(hash, source, run, done);
  }
  return hash;
}

/** Takes in what is left of a run, remembering states on the way. */
function follow(hash: Hash, source: ByteSource, run: Run, done: number): void {
  for (let at = done; at < run.bytes;) {
    const to = Math.min(run.bytes, at + stride);
    update(hash, source, run.start + at, run.start + to);
    remember(run.trail, to, hash);
    at = to;
  }
}

function update(hash: Hash, source: ByteSource, start: number, end: number): Hash {
  for (const piece of pieces(source, { start, end })) hash.update(piece);
  return hash;
}

/** The runs of `[start, end)`, each named by what comes before it; undefined when there are too many. */
function runsOf(
  source: ByteSource,
  algorithm: DigestAlgorithm,
  start: number,
  end: number,
): Run[] | undefined {
  const runs: Run[] = [];
  let before = algorithm as string;
  for (let at = start; at < end;) {
    if (runs.length === mostRuns) return undefined;
    const origin = rootOf(source, at);
    const bytes = Math.min(origin.end, end) - at;
    runs.push({ start: at, bytes, trail: `${before} ${nameOf(origin, bytes)}` });
    before = shortened(`${before} ${nameOf(origin, bytes)}+${bytes}`);
    at += bytes;
  }
  return runs;
}

/** Names the bytes of a run from its start on; two runs of one name begin alike, as far as both go. */
function nameOf(origin: Origin, bytes: number): string {
  switch (origin.kind) {
    case 'copy':
      return `${idOf(origin.source)}@${origin.from}`;
    case 'fill':
      return `fill${origin.byte}`;
    case 'bytes':
      return shortened(Buffer.from(origin.bytes.subarray(0, bytes)).toString('hex'));
  }
}

function shortened(name: string): string {
  return name.length <= 128 ? name : `#${createHash('sha256').update(name).digest('hex')}`;
}

const ids = new WeakMap<ByteSource, number>();
let nextId = 0;

/** A number that no other source has or will have. */
function idOf(source: ByteSource): number {
  const id = ids.get(source) ?? nextId++;
  ids.set(source, id);
  return id;
}

function trailNamed(name: string): Trail | undefined {
  const trail = trails.get(name);
  if (trail === undefined) return undefined;
  trails.delete(name); // now the most recently used
  trails.set(name, trail);
  return trail;
}

function remember(name: string, bytes: number, hash: Hash): void {
  const trail = trailNamed(name) ?? [];
  if (trail.length >= mostStates || trail.some((state) => state.bytes === bytes)) return;
  trail.push({ bytes, hash: hash.copy() });
  trail.sort((a, b) => a.bytes - b.bytes);
  trails.set(name, trail);
  const [oldest] = trails.keys();
  if (trails.size > mostTrails && oldest !== undefined) trails.delete(oldest);
}
