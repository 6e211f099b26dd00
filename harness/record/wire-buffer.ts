/**
 * Traffic of one channel that is not yet on the disk.
 *
 * Bytes wait here for the next flush, and those at the end that may be the beginning of a secret wait a little longer,
 * until the rest shows whether they are.
 */

import { SecretScanner, type Sighting } from './secret-scanner.ts';
import type { BytePattern } from './secrets.ts';
import { blank, type IndexLine } from './wire-index.ts';

export type Direction = 'sent' | 'received';

/** A burst's place in its direction and in the channel's whole traffic. */
interface Piece {
  streamAt: number;
  at: number;
  length: number;
}

/** Times are numbers until the flush: a date is formatted only when it is written. */
type Waiting =
  | { kind: 'burst'; dir: Direction; at: number; len: number; tMono: number; utcMs: number }
  | { kind: 'event'; text: string; tMono: number; utcMs: number }
  | { kind: 'secret'; line: IndexLine };

/** Beginnings shorter than this are common by chance; they are blanked only when the rest comes. */
const minPartialBytes = 4;

/** Positions called `at` count from the channel's first byte in the run. */
export class WireBuffer {
  #bytes = Buffer.allocUnsafe(128 * 1024);
  /** Position of `#bytes[0]`. */
  #base: number;
  #used = 0;
  #waiting: Waiting[] = [];
  readonly #scanners: Readonly<Record<Direction, SecretScanner>> | undefined;
  readonly #pieces: Record<Direction, Piece[]> = { sent: [], received: [] };
  readonly #streamed: Record<Direction, number> = { sent: 0, received: 0 };

  constructor(base: number, patterns: readonly BytePattern[]) {
    this.#base = base;
    if (patterns.length > 0) {
      this.#scanners = { sent: new SecretScanner(patterns), received: new SecretScanner(patterns) };
    }
  }

  /** Position behind the last byte. */
  get end(): number {
    return this.#base + this.#used;
  }

  get bufferedBytes(): number {
    return this.#used;
  }

  get bufferedLines(): number {
    return this.#waiting.length;
  }

  add(dir: Direction, burst: Uint8Array, tMono: number, utcMs: number): void {
    const at = this.end;
    this.#reserve(burst.length);
    this.#bytes.set(burst, this.#used);
    this.#used += burst.length;
    this.#waiting.push({ kind: 'burst', dir, at, len: burst.length, tMono, utcMs });
    if (this.#scanners === undefined) return;
    this.#pieces[dir].push({ streamAt: this.#streamed[dir], at, length: burst.length });
    this.#streamed[dir] += burst.length;
    for (const sighting of this.#scanners[dir].scan(burst)) this.#blank(dir, sighting, false);
  }

  addEvent(text: string, tMono: number, utcMs: number): void {
    this.#waiting.push({ kind: 'event', text, tMono, utcMs });
  }

  /**
   * Takes what may be written.
   *
   * @param all also the bytes that wait for the rest of a secret; what they show of it is blanked
   * @returns bytes and finished index lines, possibly none
   */
  take(all: boolean): { bytes: Buffer; lines: string } {
    if (all) this.#blankOpenEnds();
    const end = all ? this.end : this.#safeEnd();
    const lines = this.#takeLines(end);
    const length = end - this.#base;
    const bytes = Buffer.from(this.#bytes.subarray(0, length));
    this.#bytes.copyWithin(0, length, this.#used);
    this.#used -= length;
    this.#base = end;
    for (const dir of ['sent', 'received'] as const) {
      this.#pieces[dir] = this.#pieces[dir].filter(({ at }) => at >= end);
    }
    return { bytes, lines };
  }

  #reserve(more: number): void {
    if (this.#used + more <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe((this.#used + more) * 2);
    larger.set(this.#bytes.subarray(0, this.#used));
    this.#bytes = larger;
  }

  #takeLines(end: number): string {
    // What follows a burst that has to wait waits with it, so that the index keeps the order of events.
    const waitingAt = this.#waiting.findIndex((line) => line.kind === 'burst' && line.at + line.len > end);
    const taken = waitingAt < 0 ? this.#waiting : this.#waiting.slice(0, waitingAt);
    this.#waiting = waitingAt < 0 ? [] : this.#waiting.slice(waitingAt);
    return taken.map((line) => `${JSON.stringify(finished(line))}\n`).join('');
  }

  /** Start of the earliest burst of which a part may belong to a secret still arriving. */
  #safeEnd(): number {
    const ends = (['sent', 'received'] as const).map((dir) => {
      const open = this.#scanners?.[dir].openBytes ?? 0;
      const openFrom = this.#streamed[dir] - open;
      return this.#pieces[dir].find((piece) => piece.streamAt + piece.length > openFrom)?.at ?? this.end;
    });
    return Math.min(...ends);
  }

  #blankOpenEnds(): void {
    for (const dir of ['sent', 'received'] as const) {
      const scanner = this.#scanners?.[dir];
      const open = scanner?.openBytes ?? 0;
      const pattern = scanner?.openPattern;
      if (pattern === undefined || open < minPartialBytes) continue;
      this.#blank(dir, { from: this.#streamed[dir] - open, to: this.#streamed[dir], pattern }, true);
    }
  }

  #blank(dir: Direction, sighting: Sighting, partial: boolean): void {
    const ranges = this.#pieces[dir].flatMap((piece) => {
      const from = Math.max(sighting.from, piece.streamAt);
      const to = Math.min(sighting.to, piece.streamAt + piece.length);
      return from < to ? [[piece.at + from - piece.streamAt, to - from] as const] : [];
    });
    for (const [at, length] of ranges) this.#bytes.fill(blank, at - this.#base, at - this.#base + length);
    const { secret, rendering } = sighting.pattern;
    const line = { secret: secret.name, commitment: secret.commitment, rendering, ranges };
    this.#waiting.push({ kind: 'secret', line: partial ? { ...line, partial } : line });
  }
}

function finished(line: Waiting): IndexLine {
  if (line.kind === 'secret') return line.line;
  const tUtc = new Date(line.utcMs).toISOString();
  if (line.kind === 'event') return { event: line.text, tMono: line.tMono, tUtc };
  return { dir: line.dir, at: line.at, len: line.len, tMono: line.tMono, tUtc };
}
