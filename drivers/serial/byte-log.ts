/** Everything that came from the device, in order, with the time of each burst; bounded in memory. */

import { monotonicMs, utcNow } from '../../harness/clock.ts';

/** Bytes that one read of the port delivered. */
export interface Burst {
  /** Position of the first byte: bytes received before it since the driver was made. */
  position: number;
  bytes: Buffer;
  /** Monotonic ms at which the read returned. */
  atMs: number;
  /** The same moment on the wall clock, ISO 8601. */
  utc: string;
}

/** What one burst costs beside its bytes, so that a trickle of single bytes stays bounded too. */
const BURST_OVERHEAD_BYTES = 200;

/**
 * An append-only log that forgets its oldest bursts. The wire log of the run keeps everything; this one is
 * what `expect` looks at.
 */
export class ByteLog {
  readonly maxBytes: number;
  #bursts: Burst[] = [];
  /** Index of the oldest burst still held; the array is trimmed now and then, not at each append. */
  #first = 0;
  #heldBytes = 0;
  #end = 0;

  /** @param maxBytes bound on the memory held, overhead of the bursts included */
  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  /** Position behind the last byte: how many bytes came in all. */
  get end(): number {
    return this.#end;
  }

  /** Position of the oldest byte still held. */
  get start(): number {
    return this.#bursts[this.#first]?.position ?? this.#end;
  }

  /** Adds a copy of the bytes. */
  append(bytes: Uint8Array): Burst {
    const burst: Burst = {
      position: this.#end,
      bytes: Buffer.from(bytes),
      atMs: monotonicMs(),
      utc: utcNow(),
    };
    if (bytes.length === 0) return burst;
    this.#bursts.push(burst);
    this.#end += bytes.length;
    this.#heldBytes += costOf(burst);
    this.#forget();
    return burst;
  }

  /** Bytes of `[from, to)`, as far as they are still held. */
  slice(from: number, to = this.#end): Buffer {
    const parts: Buffer[] = [];
    for (let index = this.#indexAt(from); index < this.#bursts.length; index += 1) {
      const { position, bytes } = this.#bursts[index] as Burst;
      if (position >= to) break;
      parts.push(bytes.subarray(Math.max(0, from - position), Math.min(bytes.length, to - position)));
    }
    return parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
  }

  /** The burst that brought the byte at a position; undefined when it is forgotten or has not come. */
  burstAt(position: number): Burst | undefined {
    if (position < this.start || position >= this.#end) return undefined;
    return this.#bursts[this.#indexAt(position)];
  }

  /** Bursts still held, oldest first. */
  bursts(): readonly Burst[] {
    return this.#bursts.slice(this.#first);
  }

  /** Index of the burst that holds `position`, or of the oldest one. Binary search. */
  #indexAt(position: number): number {
    let low = this.#first;
    let high = this.#bursts.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((this.#bursts[middle] as Burst).position <= position) low = middle;
      else high = middle;
    }
    return low;
  }

  #forget(): void {
    while (this.#heldBytes > this.maxBytes && this.#first < this.#bursts.length - 1) {
      this.#heldBytes -= costOf(this.#bursts[this.#first] as Burst);
      this.#first += 1;
    }
    if (this.#first > 1024 && this.#first * 2 > this.#bursts.length) {
      this.#bursts = this.#bursts.slice(this.#first);
      this.#first = 0;
    }
  }
}

function costOf(burst: Burst): number {
  return burst.bytes.length + BURST_OVERHEAD_BYTES;
}
