/** Finds secrets in one direction of a wire, also when they come in pieces. */

import type { BytePattern } from './secrets.ts';

/** A secret that was seen whole. Positions count from the direction's first byte. */
export interface Sighting {
  from: number;
  to: number;
  pattern: BytePattern;
}

/**
 * Keeps as many bytes as the longest pattern has, less one, so that a secret split over bursts is found when its last
 * byte comes.
 */
export class SecretScanner {
  readonly #patterns: readonly BytePattern[];
  readonly #tailBytes: number;
  #window = Buffer.alloc(0);
  #seenBytes = 0;

  constructor(patterns: readonly BytePattern[]) {
    this.#patterns = patterns;
    this.#tailBytes = Math.max(0, ...patterns.map(({ bytes }) => bytes.length - 1));
  }

  /** All sightings that end in this burst. */
  scan(burst: Uint8Array): Sighting[] {
    const tailBytes = this.#window.length;
    const windowAt = this.#seenBytes - tailBytes;
    const window = Buffer.concat([this.#window, burst]);
    const sightings = this.#patterns.flatMap((pattern) => sightingsOf(pattern, window, tailBytes, windowAt));
    // What was found is blanked only now, so that the same bytes in two renderings are both reported.
    for (const { from, to } of sightings) window.fill(0, from - windowAt, to - windowAt);
    this.#seenBytes += burst.length;
    this.#window = window.subarray(Math.max(0, window.length - this.#tailBytes));
    return sightings;
  }

  /** How many of the last bytes may be the beginning of a secret whose rest is still to come. */
  get openBytes(): number {
    const pattern = this.openPattern;
    return pattern === undefined ? 0 : openBytes(pattern.bytes, this.#window);
  }

  /** The secret to which most of those bytes belong. */
  get openPattern(): BytePattern | undefined {
    const open = this.#patterns.map((pattern) => ({
      pattern,
      length: openBytes(pattern.bytes, this.#window),
    }));
    const longest = open.reduce((a, b) => (b.length > a.length ? b : a), {
      pattern: undefined,
      length: 0,
    } as {
      pattern: BytePattern | undefined;
      length: number;
    });
    return longest.pattern;
  }
}

function sightingsOf(pattern: BytePattern, window: Buffer, tailBytes: number, windowAt: number): Sighting[] {
  const sightings: Sighting[] = [];
  const length = pattern.bytes.length;
  let at = window.indexOf(pattern.bytes, Math.max(0, tailBytes - length + 1));
  for (; at >= 0; at = window.indexOf(pattern.bytes, at + length)) {
    sightings.push({ from: windowAt + at, to: windowAt + at + length, pattern });
  }
  return sightings;
}

function openBytes(pattern: Buffer, window: Buffer): number {
  for (let length = Math.min(pattern.length - 1, window.length); length > 0; length -= 1) {
    if (window.compare(pattern, 0, length, window.length - length) === 0) return length;
  }
  return 0;
}
