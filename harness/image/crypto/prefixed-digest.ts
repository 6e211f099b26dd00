/** Digests of a prefix and a part of an image, as signature schemes want them, streamed and remembered. */

import { createHash } from 'node:crypto';
import { clip, pieces, type ByteSource } from '../byte-source.ts';

export interface XofOptions {
  /** Bytes of output, for SHAKE; the hash's own length when absent. */
  outputBytes?: number;
}

const remembered = new WeakMap<ByteSource, Map<string, Buffer>>();
/** Digests remembered of one source. */
const most = 256;

/**
 * Digest of prefix ‖ source. A source that is wholly a run of another one is remembered there, so that the unchanged
 * payload of many attack images is hashed once.
 *
 * @param algorithm as node:crypto names it: `sha512`, `shake256`
 */
export function prefixedDigest(
  algorithm: string,
  prefix: Uint8Array,
  source: ByteSource,
  options: XofOptions = {},
): Buffer {
  const run = origin(source, 0, source.size);
  const { outputBytes } = options;
  const known = remembered.get(run.source) ?? new Map<string, Buffer>();
  remembered.set(run.source, known);
  // The prefix is hashed for the key: it may hold a whole public key.
  const short = createHash('sha256').update(prefix).digest('base64');
  const key = `${algorithm} ${outputBytes ?? ''} ${run.start} ${run.end} ${short}`;
  const earlier = known.get(key);
  if (earlier !== undefined) return earlier;
  const hash = createHash(algorithm, outputBytes === undefined ? {} : { outputLength: outputBytes });
  hash.update(prefix);
  for (const piece of pieces(run.source, { start: run.start, end: run.end })) hash.update(piece);
  const digest = hash.digest();
  if (known.size < most) known.set(key, digest);
  return digest;
}

interface Run {
  source: ByteSource;
  start: number;
  end: number;
}

/** The source that the whole range comes from. */
function origin(source: ByteSource, from: number, to: number): Run {
  const { start, end } = clip(from, to, source.size);
  const found = start < end ? source.origin?.(start) : undefined;
  return found?.kind === 'copy' && found.end >= end
    ? origin(found.source, found.from, found.from + (end - start))
    : { source, start, end };
}
