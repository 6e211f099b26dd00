/**
 * A removable medium as a wire: the bench writes an image onto it, raw, and the device reads it. Where both cannot have
 * it at once, programs of the lab hand it over.
 *
 * A raw medium carries no length: the device reads a fixed area, so all of the area is written, every time. What is read
 * back comes through the operating system, which may hold it in its cache; that the device read the same is shown by
 * the device alone.
 */

import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { access, open, stat, type FileHandle } from 'node:fs/promises';
import { resolve } from 'node:path';
import { until } from '../../harness/clock.ts';
import type { Driver, DriverContext, DriverState } from '../../harness/driver.ts';
import { DriverError, PortError } from '../../harness/errors.ts';
import { requireProgram, runCommand } from '../../harness/lab-program.ts';
import type { MediumSettings } from './settings.ts';

const chunkBytes = 1_048_576;

export class Medium implements Driver {
  readonly kind = 'medium';
  readonly name: string;
  readonly path: string;
  readonly #settings: MediumSettings;
  readonly #context: DriverContext;
  #state: DriverState = 'closed';
  #last: Promise<unknown> = Promise.resolve();
  /** Ends a program of the lab when the driver is closed. */
  #closing = new AbortController();

  constructor(settings: MediumSettings, context: DriverContext) {
    this.name = context.name;
    this.path = resolve(context.boardDir, settings.path);
    this.#settings = settings;
    this.#context = context;
  }

  get state(): DriverState {
    return this.#state;
  }

  get provides(): Readonly<Record<string, string | number>> {
    return { path: this.path, areaBytes: this.#settings.areaBytes };
  }

  /** @throws DriverError when open already; PortError when the medium, or a program to hand it over, is not there */
  async open(): Promise<void> {
    if (this.#state !== 'closed') {
      throw new DriverError('not-closed', `${this.name}: open() in state ${this.#state}`, {
        hint: 'Close the wire first.',
      });
    }
    await this.#check();
    this.#closing = new AbortController();
    this.#state = 'open';
    this.#context.wire.event(`opened ${this.path}`);
  }

  async close(): Promise<void> {
    if (this.#state !== 'closed') this.#context.wire.event(`closed ${this.path}`);
    this.#state = 'closed';
    this.#closing.abort();
    await this.#last.catch(() => undefined);
  }

  async selfTest(): Promise<void> {
    this.#requireOpen();
    await this.#check();
  }

  /**
   * Puts an image at the start of the area, fills the rest, reads all of it back, and hands the medium to the device.
   *
   * @throws DriverError when closed, or when the image is larger than the area; PortError when the medium cannot be
   *   written or holds something else afterwards, and when a program fails; TimeoutError when it does not appear
   */
  async write(image: Uint8Array): Promise<void> {
    this.#requireOpen();
    const turn = this.#last
      .catch(() => undefined)
      .then(async () => {
        this.#requireOpen();
        await this.#write(image);
      });
    this.#last = turn;
    await turn;
  }

  // -------------------------------------------------------------------------------------------------------------

  async #write(image: Uint8Array): Promise<void> {
    const { areaBytes, offsetBytes, fillByte, toBenchCommand, toDeviceCommand } = this.#settings;
    if (image.length > areaBytes) {
      throw new DriverError(
        'image-too-large',
        `${this.name}: an image of ${image.length} bytes does not fit into the area of ${areaBytes}`,
        { hint: 'Set areaBytes, and what the device reads, to hold the largest image.' },
      );
    }
    if (toBenchCommand !== undefined) await this.#handOver(toBenchCommand);
    try {
      this.#context.wire.sent(image);
      if (image.at(-1) === fillByte) {
        this.#context.wire.event(`the image ends in the fill byte: its end cannot be told on the medium`);
      }
      const sha256 = await this.#fillArea(image).catch((error: unknown) => this.#fault('written', error));
      this.#context.wire.event(
        `wrote ${image.length} bytes at ${offsetBytes}, filled with 0x${fillByte.toString(16)} to ${areaBytes}; ` +
          `read back the same, sha256 of the area ${sha256}`,
      );
    } finally {
      // Whatever happened, the device gets its medium back.
      if (toDeviceCommand !== undefined) await this.#handOver(toDeviceCommand);
    }
  }

  async #fillArea(image: Uint8Array): Promise<string> {
    const { areaBytes, offsetBytes, fillByte } = this.#settings;
    const piece = (at: number): Buffer => {
      const bytes = Buffer.alloc(Math.min(chunkBytes, areaBytes - at), fillByte);
      bytes.set(image.subarray(at, at + bytes.length));
      return bytes;
    };
    const file = await open(this.path, 'r+');
    try {
      for (let at = 0; at < areaBytes; at += chunkBytes) {
        const bytes = piece(at);
        for (let done = 0; done < bytes.length;)
          done += (await file.write(bytes, done, bytes.length - done, offsetBytes + at + done)).bytesWritten;
      }
      await settled(file);
    } finally {
      await file.close();
    }
    return this.#readBack(piece);
  }

  async #readBack(piece: (at: number) => Buffer): Promise<string> {
    const { areaBytes, offsetBytes } = this.#settings;
    const digest = createHash('sha256');
    const file = await open(this.path, 'r');
    try {
      for (let at = 0; at < areaBytes; at += chunkBytes) {
        const wanted = piece(at);
        const found = await readWhole(file, wanted.length, offsetBytes + at);
        if (!found.equals(wanted)) {
          const differs = wanted.findIndex((byte, index) => byte !== found[index]);
          throw new PortError(
            'medium-differs',
            `${this.name}: ${this.path} does not hold what was written, from byte ${offsetBytes + at + differs} on`,
            { hint: 'Is the medium write-protected, worn out, or in use by the device?' },
          );
        }
        digest.update(found);
      }
    } finally {
      await file.close();
    }
    return digest.digest('hex');
  }

  async #handOver(argv: readonly string[]): Promise<void> {
    const { withinMs, appearsWithinMs, toBenchCommand } = this.#settings;
    const { boardDir: cwd, wire } = this.#context;
    await runCommand(argv, { cwd, withinMs, wire, closing: this.#closing.signal });
    if (argv !== toBenchCommand) return;
    await until(() => this.#present(), { withinMs: appearsWithinMs, what: `${this.name}: ${this.path}` });
  }

  async #present(): Promise<true | undefined> {
    return stat(this.path).then(
      () => true,
      () => undefined,
    );
  }

  /** Is our end in order? Of a medium that the device has now, only the means to get it can be checked. */
  async #check(): Promise<void> {
    const { toBenchCommand, toDeviceCommand, offsetBytes, areaBytes } = this.#settings;
    for (const argv of [toBenchCommand, toDeviceCommand]) {
      if (argv !== undefined) await requireProgram(argv[0] ?? '', this.#context.boardDir);
    }
    if (toBenchCommand !== undefined) return;
    try {
      await access(this.path, constants.R_OK | constants.W_OK);
      const file = await open(this.path, 'r');
      try {
        await readWhole(file, 1, offsetBytes + areaBytes - 1);
      } finally {
        await file.close();
      }
    } catch (error) {
      this.#fault('used', error);
    }
  }

  #fault(how: string, error: unknown): never {
    if (error instanceof PortError) throw error;
    throw new PortError('medium', `${this.name}: ${this.path} cannot be ${how}`, {
      data: { path: this.path },
      hint: 'Check that the medium is there, at least offsetBytes + areaBytes long, and that you may write it.',
      cause: error,
    });
  }

  #requireOpen(): void {
    if (this.#state === 'open') return;
    throw new DriverError('not-open', `${this.name}: the medium is ${this.#state}`, {
      hint: 'Open the wire first.',
    });
  }
}

/** Waits until the medium itself has what was written. Character devices write at once, and know no fsync(2): EINVAL. */
async function settled(file: FileHandle): Promise<void> {
  await file.sync().catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EINVAL') throw error;
  });
}

/** @throws Error when the medium ends before */
async function readWhole(file: FileHandle, bytes: number, position: number): Promise<Buffer> {
  const found = Buffer.alloc(bytes);
  for (let done = 0; done < bytes;) {
    const { bytesRead } = await file.read(found, done, bytes - done, position + done);
    if (bytesRead === 0) throw new Error(`it ends at byte ${position + done}`);
    done += bytesRead;
  }
  return found;
}
