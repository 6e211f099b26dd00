/** A way in for firmware: file records (function 21) between two writes of a control register. */

import { type Answer, type FirmwareImage, type Registers } from '../../../harness/capabilities.ts';
import { Deadline, monotonicMs, pause } from '../../../harness/clock.ts';
import { type AdapterModule } from '../../../harness/driver.ts';
import { BenchError, DeviceException } from '../../../harness/errors.ts';
import { EXCEPTION } from '../functions.ts';
import { registersOfBytes } from '../raw-requests.ts';
import {
  answerOfError,
  awaitOutcome,
  exceptionCode,
  isBusy,
  readOne,
  readReason,
  registersOf,
} from './common.ts';
import { type Outcome } from './common.ts';
import { type FileRecordsSettings } from './settings.ts';

/** One request of the transfer. */
interface Piece {
  file: number;
  record: number;
  values: number[];
  /** Bytes of the image up to the end of this piece. */
  bytesDone: number;
}

/** Cuts an image into requests: big-endian registers, one per record, no request across the end of a file. */
export function* pieces(bytes: Uint8Array, settings: FileRecordsSettings): Generator<Piece> {
  const words = registersOfBytes(bytes);
  for (let at = 0; at < words.length;) {
    const record = at % settings.recordsPerFile;
    const count = Math.min(settings.registersPerRequest, settings.recordsPerFile - record, words.length - at);
    yield {
      file: settings.file + Math.floor(at / settings.recordsPerFile),
      record,
      values: words.slice(at, at + count),
      bytesDone: Math.min(bytes.length, 2 * (at + count)),
    };
    at += count;
  }
}

class Transfer {
  readonly #registers: Registers;
  readonly #settings: FileRecordsSettings;
  readonly #image: FirmwareImage;
  #acknowledgedBytes = 0;
  #complete = false;
  /** End of the last request that belongs to the stimulus. */
  #sentAtMs = monotonicMs();

  constructor(registers: Registers, settings: FileRecordsSettings, image: FirmwareImage) {
    this.#registers = registers;
    this.#settings = settings;
    this.#image = image;
  }

  async run(): Promise<Answer> {
    const answer = await this.#outcome();
    const { length } = this.#image.bytes;
    return {
      ...answer,
      delivery: { totalBytes: length, acknowledgedBytes: this.#acknowledgedBytes, complete: this.#complete },
    };
  }

  async #outcome(): Promise<Answer> {
    try {
      await this.#send();
    } catch (error) {
      return this.#broken(error);
    }
    return awaitOutcome(this.#registers, this.#wanted(), monotonicMs());
  }

  async #send(): Promise<void> {
    const { controlRegister, beginValue, endValue } = this.#settings;
    await this.#announceSize();
    if (beginValue !== undefined)
      await this.#ask(() => this.#registers.writeRegister(controlRegister, beginValue));
    for (const { file, record, values, bytesDone } of pieces(this.#image.bytes, this.#settings)) {
      await this.#ask(() => this.#registers.writeFileRecord(file, record, values));
      this.#acknowledgedBytes = bytesDone;
    }
    await this.#ask(() => this.#registers.writeRegister(controlRegister, endValue));
    this.#complete = true;
  }

  async #announceSize(): Promise<void> {
    const { sizeRegister, sizeType, wordOrder } = this.#settings;
    if (sizeRegister === undefined) return;
    const size = this.#image.bytes.length;
    const words = sizeType === 'u16' ? [size] : [size >>> 16, size & 0xffff];
    if (wordOrder === 'little') words.reverse();
    await this.#ask(() => this.#registers.writeRegisters(sizeRegister, words));
  }

  /** One request. Busy is asked again for a while; "acknowledge" means that the device has taken it and goes on. */
  async #ask(request: () => Promise<void>): Promise<void> {
    const busy = new Deadline(this.#settings.busyWithinMs);
    for (;;) {
      this.#sentAtMs = monotonicMs();
      try {
        return await request();
      } catch (error) {
        if (exceptionCode(error) === EXCEPTION.acknowledge) return;
        if (!isBusy(error) || busy.passed) throw error;
      }
      await pause(Math.min(this.#settings.everyMs, busy.leftMs));
    }
  }

  /** The transfer broke off. After an exception the device may say more in its own registers. */
  async #broken(error: unknown): Promise<Answer> {
    const answer = answerOfError(error, monotonicMs() - this.#sentAtMs, 'transfer');
    if (!(error instanceof DeviceException)) return answer;
    const reason = await this.#ownReason();
    return reason === undefined ? answer : { ...answer, reason };
  }

  async #ownReason(): Promise<string | undefined> {
    const wanted = this.#wanted();
    try {
      const status = await readOne(this.#registers, wanted.statusTable, wanted.statusRegister);
      return wanted.refusedWhen.includes(status) ? await readReason(this.#registers, wanted) : undefined;
    } catch (error) {
      if (error instanceof BenchError) return undefined; // the exception stands by itself
      throw error;
    }
  }

  #wanted(): Outcome {
    const { statusRegister, statusTable, verifiedValue, refusedValue, reasonRegister } = this.#settings;
    return {
      statusRegister,
      statusTable,
      acceptedWhen: [verifiedValue],
      refusedWhen: [refusedValue],
      reasonRegister,
      reasons: this.#settings.reasons,
      withinMs: this.#settings.verifyWithinMs,
      everyMs: this.#settings.everyMs,
      stage: 'verify',
    };
  }
}

export const fileRecords: AdapterModule<'ingress', FileRecordsSettings> = {
  name: 'modbus-file-records',
  role: 'ingress',
  create(settings, wire) {
    const registers = registersOf(wire);
    return { offer: (image) => new Transfer(registers, settings, image).run() };
  },
};
