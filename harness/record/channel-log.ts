/** Writes one channel's wire bytes to segments, with an index line per burst. */

import { createHash, type Hash } from 'node:crypto';
import { join } from 'node:path';
import type { WireLog } from '../driver.ts';
import { AppendFile } from './durable-file.ts';
import { wireFolder, type SegmentDigest } from './entry.ts';
import { type WireBuffer, type Direction } from './wire-buffer.ts';
import { segmentName } from './wire-index.ts';

/** Size at which a segment is finished. */
export const segmentBytes = 64 * 1024;
/** A wire that only opens and closes must not fill the memory with index lines. */
const maxWaitingLines = 20_000;
/** How much may wait for the rest of a secret that never comes. */
const maxHeldBytes = 64 * 1024;

/** What a channel needs of the record to which it belongs. */
export interface ChannelHost {
  dir: string;
  now(): { tMono: number; utcMs: number };
  /** Writes the digests of a segment into the chain. */
  chain(kind: 'wire-mark' | 'wire-segment', channel: string, segment: SegmentDigest): void;
  /** Told when the disk fails: a driver must not be the one who finds out. */
  failed(cause: unknown): void;
  /** Text without secrets. */
  clean(text: string): string;
}

/** A segment that is being written. */
interface OpenSegment {
  bytes: AppendFile;
  index: AppendFile;
  digest: { bytes: Hash; index: Hash };
  base: number;
  size: number;
  indexSize: number;
}

/** A {@link WireLog} that never throws: trouble with the disk is kept and raised by the record. */
export class ChannelLog implements WireLog {
  readonly channel: string;
  readonly #stem: string;
  readonly #host: ChannelHost;
  readonly #buffer: WireBuffer;
  #number: number;
  #segment: OpenSegment | undefined;
  #unsynced: AppendFile[] = [];
  #markedAt = 0;
  #broken = false;

  /** @param start where the channel goes on: number of the next segment, position of its first byte */
  constructor(
    channel: string,
    stem: string,
    host: ChannelHost,
    buffer: WireBuffer,
    start: { number: number } = { number: 1 },
  ) {
    this.channel = channel;
    this.#stem = stem;
    this.#host = host;
    this.#buffer = buffer;
    this.#number = start.number;
  }

  sent(bytes: Uint8Array): void {
    this.#burst('sent', bytes);
  }

  received(bytes: Uint8Array): void {
    this.#burst('received', bytes);
  }

  event(text: string): void {
    const { tMono, utcMs } = this.#host.now();
    this.#buffer.addEvent(this.#host.clean(text), tMono, utcMs);
    if (this.#buffer.bufferedLines >= maxWaitingLines) this.#guarded(() => this.#flush(false));
  }

  /** Everything so far to the disk, and its digest into the chain. Throws; only the record calls it. */
  checkpoint(): void {
    if (this.#broken) return;
    this.#flush(false);
    const segment = this.#segment;
    for (const file of this.#unsynced) {
      file.sync();
      file.close();
    }
    this.#unsynced = [];
    if (segment === undefined || segment.indexSize === this.#markedAt) return;
    segment.bytes.sync();
    segment.index.sync();
    this.#markedAt = segment.indexSize;
    this.#host.chain('wire-mark', this.channel, this.#digestOf(segment));
  }

  /** Finishes the last segment. Throws; only the record calls it. */
  finish(): void {
    if (this.#broken) return;
    this.#flush(true);
    this.#finishSegment();
    this.checkpoint();
  }

  /** Closes the files as they are. Safe twice. */
  release(): void {
    this.#broken = true;
    for (const file of [...this.#unsynced, this.#segment?.bytes, this.#segment?.index]) file?.close();
  }

  #burst(dir: Direction, bytes: Uint8Array): void {
    if (this.#broken || bytes.length === 0) return;
    const { tMono, utcMs } = this.#host.now();
    this.#buffer.add(dir, bytes, tMono, utcMs);
    const reached = (this.#segment?.size ?? 0) + this.#buffer.bufferedBytes;
    if (reached >= segmentBytes || this.#buffer.bufferedLines >= maxWaitingLines)
      this.#guarded(() => this.#rotate());
  }

  #rotate(): void {
    this.#flush(this.#buffer.bufferedBytes >= maxHeldBytes + segmentBytes);
    if ((this.#segment?.size ?? 0) >= segmentBytes / 2) this.#finishSegment();
  }

  #guarded(work: () => void): void {
    if (this.#broken) return;
    try {
      work();
    } catch (cause) {
      this.#broken = true;
      this.#host.failed(cause);
    }
  }

  #flush(all: boolean): void {
    const base = this.#buffer.end - this.#buffer.bufferedBytes;
    const { bytes, lines } = this.#buffer.take(all);
    if (bytes.length === 0 && lines === '') return;
    const segment = (this.#segment ??= this.#open(base));
    const index = Buffer.from(lines, 'utf8');
    segment.bytes.append(bytes);
    segment.index.append(index);
    segment.digest.bytes.update(bytes);
    segment.digest.index.update(index);
    segment.size += bytes.length;
    segment.indexSize += index.length;
  }

  #open(base: number): OpenSegment {
    const name = segmentName(this.#stem, this.#number);
    const path = (file: string) => join(this.#host.dir, wireFolder, file);
    this.#markedAt = 0;
    return {
      bytes: new AppendFile(path(name.bytes), 'ax'),
      index: new AppendFile(path(name.index), 'ax'),
      digest: { bytes: createHash('sha256'), index: createHash('sha256') },
      base,
      size: 0,
      indexSize: 0,
    };
  }

  #finishSegment(): void {
    const segment = this.#segment;
    if (segment === undefined) return;
    // The disk gets its time at the next checkpoint: syncing every 64 KiB would slow down a fast wire.
    this.#unsynced.push(segment.bytes, segment.index);
    if (this.#unsynced.length > 64) this.#unsynced.splice(0).forEach(syncAndClose);
    this.#segment = undefined;
    this.#host.chain('wire-segment', this.channel, this.#digestOf(segment));
    this.#number += 1;
  }

  #digestOf(segment: OpenSegment): SegmentDigest {
    const name = segmentName(this.#stem, this.#number);
    return {
      file: `${wireFolder}/${name.bytes}`,
      base: segment.base,
      bytes: segment.size,
      sha256: segment.digest.bytes.copy().digest('hex'),
      index: {
        file: `${wireFolder}/${name.index}`,
        bytes: segment.indexSize,
        sha256: segment.digest.index.copy().digest('hex'),
      },
    };
  }
}

function syncAndClose(file: AppendFile): void {
  file.sync();
  file.close();
}
