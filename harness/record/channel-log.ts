/** Writes one channel's wire bytes to segments, with an index line per burst. */

import { createHash, type Hash } from 'node:crypto';
import { join } from 'node:path';
import type { WireLog } from '../driver.ts';
import { AppendFile, syncFolder } from './durable-file.ts';
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

/** A segment that is written whole, on its way to the disk. */
interface WrittenSegment {
  files: readonly AppendFile[];
  digest: SegmentDigest;
  /** True when the disk has it, so that the chain may speak of it. */
  synced: boolean;
}

/** So many segments may be on their way before the wire has to wait for the disk. */
const maxWrittenSegments = 64;

/** A {@link WireLog} that never throws: trouble with the disk is kept and raised by the record. */
export class ChannelLog implements WireLog {
  readonly channel: string;
  readonly #stem: string;
  readonly #host: ChannelHost;
  readonly #buffer: WireBuffer;
  #number: number;
  #segment: OpenSegment | undefined;
  readonly #written: WrittenSegment[] = [];
  #newNames = false;
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
    if (this.#newNames) syncFolder(join(this.#host.dir, wireFolder));
    this.#newNames = false;
    this.#syncWritten();
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
    const written = this.#written.flatMap(({ files }) => files);
    for (const file of [...written, this.#segment?.bytes, this.#segment?.index]) file?.close();
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
      this.#broke(cause);
    }
  }

  #broke(cause: unknown): void {
    this.#broken = true;
    this.#host.failed(cause);
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
    this.#newNames = true;
    return {
      bytes: new AppendFile(path(name.bytes), 'ax'),
      index: new AppendFile(path(name.index), 'ax'),
      digest: { bytes: createHash('sha256'), index: createHash('sha256') },
      base,
      size: 0,
      indexSize: 0,
    };
  }

  /**
   * The chain never speaks of bytes that a power loss could still take. The disk gets its time for them beside the wire:
   * waiting for it every 64 KiB would slow a fast one down.
   */
  #finishSegment(): void {
    const segment = this.#segment;
    if (segment === undefined) return;
    const files = [segment.bytes, segment.index];
    const written: WrittenSegment = { files, digest: this.#digestOf(segment), synced: false };
    this.#written.push(written);
    this.#segment = undefined;
    this.#number += 1;
    if (this.#written.length > maxWrittenSegments) this.#syncWritten();
    else void this.#syncLater(written);
  }

  async #syncLater(written: WrittenSegment): Promise<void> {
    try {
      await Promise.all(written.files.map((file) => file.syncLater()));
    } catch (cause) {
      // A checkpoint that came first has synced and closed them itself.
      if (this.#written.includes(written) && !this.#broken) this.#broke(cause);
      return;
    }
    written.synced = true;
    this.#guarded(() => {
      while (this.#written[0]?.synced === true) this.#chainFirst();
    });
  }

  #syncWritten(): void {
    for (let first = this.#written[0]; first !== undefined; first = this.#written[0]) {
      for (const file of first.files) file.sync();
      this.#chainFirst();
    }
  }

  #chainFirst(): void {
    const first = this.#written.shift();
    if (first === undefined) return;
    for (const file of first.files) file.close();
    this.#host.chain('wire-segment', this.channel, first.digest);
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
