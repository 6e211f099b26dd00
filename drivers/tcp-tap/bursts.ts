/** Bytes of one connection, in order, cut into bursts: protocol messages with framing, runs of bytes without. */

import type { TapRecording } from '../../harness/capabilities.ts';
import { MessageCutter, type Framing } from './framing.ts';

export type Direction = 'to-device' | 'from-device';

/** A burst that may still grow. */
export interface Burst {
  /** Monotonic ms of its first byte, or of the byte that completed the message. */
  atMs: number;
  lastAtMs: number;
  direction: Direction;
  chunks: Uint8Array[];
  totalBytes: number;
}

/** Beyond this a run of bytes without framing becomes another burst, so that no upload is kept whole for nothing. */
const mostBurstBytes = 1024 * 1024;

export function burstBytes(burst: Burst): Uint8Array {
  return Buffer.concat(burst.chunks);
}

export class BurstLog {
  readonly #gapMs: number;
  readonly #cutters: Readonly<Record<Direction, MessageCutter>> | undefined;
  readonly #onBroken: (direction: Direction, what: string) => void;
  #open: Burst | undefined;
  /** The last one towards the device; with framing, the last whole message. */
  lastToDevice: Burst | undefined;
  /** Which way the newest bytes went. */
  lastDirection: Direction | undefined;

  constructor(framing: Framing, gapMs: number, onBroken: (direction: Direction, what: string) => void) {
    this.#gapMs = gapMs;
    this.#onBroken = onBroken;
    this.#cutters =
      framing === 'none'
        ? undefined
        : { 'to-device': new MessageCutter(framing), 'from-device': new MessageCutter(framing) };
  }

  /** True where another message may be put into the stream towards the device. */
  get atBoundary(): boolean {
    return this.#cutters?.['to-device'].atBoundary ?? true;
  }

  /** Takes bytes; returns the bursts that came into being or grew. */
  add(direction: Direction, bytes: Uint8Array, atMs: number): Burst[] {
    this.lastDirection = direction;
    const bursts =
      this.#cutters === undefined
        ? [this.#run(direction, bytes, atMs)]
        : this.#messages(this.#cutters[direction], direction, bytes, atMs);
    if (direction === 'to-device') this.lastToDevice = bursts.at(-1) ?? this.lastToDevice;
    return bursts;
  }

  /** Ends the open burst: what follows is another one. */
  split(): void {
    this.#open = undefined;
  }

  #run(direction: Direction, bytes: Uint8Array, atMs: number): Burst {
    const open = this.#open;
    const goesOn =
      open !== undefined &&
      open.direction === direction &&
      atMs - open.lastAtMs <= this.#gapMs &&
      open.totalBytes + bytes.length <= mostBurstBytes;
    if (!goesOn) return (this.#open = newBurst(direction, bytes, atMs));
    open.chunks.push(bytes);
    open.totalBytes += bytes.length;
    open.lastAtMs = atMs;
    return open;
  }

  #messages(cutter: MessageCutter, direction: Direction, bytes: Uint8Array, atMs: number): Burst[] {
    const wasBroken = cutter.broken !== undefined;
    const messages = cutter.push(bytes);
    if (!wasBroken && cutter.broken !== undefined) this.#onBroken(direction, cutter.broken);
    return messages.map((message) => newBurst(direction, message, atMs));
  }
}

function newBurst(direction: Direction, bytes: Uint8Array, atMs: number): Burst {
  return { atMs, lastAtMs: atMs, direction, chunks: [bytes], totalBytes: bytes.length };
}

/** A recording under way: bursts by connection, within a bound. */
export class Recorder {
  readonly #connections = new Map<number, { openedAtMs: number; bursts: Burst[] }>();
  readonly #mostBytes: number;
  #bytes = 0;
  /** True when bytes were left out. */
  overflowed = false;

  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes;
  }

  opened(connection: number, openedAtMs: number): void {
    this.#connections.set(connection, { openedAtMs, bursts: [] });
  }

  took(connection: number, bursts: readonly Burst[], bytes: number): void {
    const entry = this.#connections.get(connection);
    if (entry === undefined || this.overflowed) return;
    this.#bytes += bytes;
    this.overflowed = this.#bytes > this.#mostBytes;
    for (const burst of bursts) if (entry.bursts.at(-1) !== burst) entry.bursts.push(burst);
  }

  result(): TapRecording[] {
    return [...this.#connections].map(([connection, { openedAtMs, bursts }]) => ({
      connection,
      openedAtMs,
      bursts: bursts.map((burst) => ({
        atMs: burst.atMs,
        direction: burst.direction,
        bytes: burstBytes(burst),
      })),
    }));
  }
}
