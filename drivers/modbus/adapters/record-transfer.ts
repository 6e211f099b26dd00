/** A transfer of firmware by file records (function 21), between two writes of a control register. */

import { type Answer, type FirmwareImage, type Registers } from '../../../harness/capabilities.ts';
import { Deadline, monotonicMs, pause } from '../../../harness/clock.ts';
import { BenchError, DeviceException } from '../../../harness/errors.ts';
import { EXCEPTION } from '../functions.ts';
import { registersOfBytes } from '../raw-requests.ts';
import { answerOfError, exceptionCode, isBusy, readOne, readReason } from './common.ts';
import { type Outcome } from './common.ts';
import { type FileRecordsSettings } from './settings.ts';

/** One request of the transfer. */
export interface Piece {
  file: number;
  record: number;
  values: number[];
  /** Bytes of the image up to the end of this piece. */
  bytesDone: number;
}

/**
 * Cuts an image into requests: big-endian registers, one per record, no request across the end of a file.
 *
 * @param totalBytes more than the image has: it begins again behind its end
 */
export function* pieces(
  bytes: Uint8Array,
  settings: FileRecordsSettings,
  totalBytes = bytes.length,
): Generator<Piece> {
  const words = registersOfBytes(bytes);
  const total = Math.ceil(totalBytes / 2);
  for (let at = 0; at < total;) {
    const record = at % settings.recordsPerFile;
    const count = Math.min(settings.registersPerRequest, settings.recordsPerFile - record, total - at);
    yield {
      file: settings.file + Math.floor(at / settings.recordsPerFile),
      record,
      values: Array.from({ length: count }, (_unused, index) => words[(at + index) % words.length] ?? 0),
      bytesDone: Math.min(totalBytes, 2 * (at + count)),
    };
    at += count;
  }
}

/** The requests of a transfer, and what the device says of them. Subclasses say which are made. */
export class RecordTransfer {
  protected readonly registers: Registers;
  protected readonly settings: FileRecordsSettings;
  protected readonly image: FirmwareImage;
  protected acknowledgedBytes = 0;
  protected complete = false;
  /** End of the last request that belongs to the stimulus. */
  #sentAtMs = monotonicMs();

  constructor(registers: Registers, settings: FileRecordsSettings, image: FirmwareImage) {
    this.registers = registers;
    this.settings = settings;
    this.image = image;
  }

  /** An answer with how much of the transfer arrived. */
  protected delivered(answer: Answer, totalBytes = this.image.bytes.length): Answer {
    const { acknowledgedBytes, complete } = this;
    return { ...answer, delivery: { totalBytes, acknowledgedBytes, complete } };
  }

  protected async begin(): Promise<void> {
    const { controlRegister, beginValue } = this.settings;
    await this.#announceSize();
    if (beginValue !== undefined)
      await this.ask(() => this.registers.writeRegister(controlRegister, beginValue));
  }

  protected async sendPiece({ file, record, values, bytesDone }: Piece): Promise<void> {
    await this.ask(() => this.registers.writeFileRecord(file, record, values));
    this.acknowledgedBytes = bytesDone;
  }

  protected async end(): Promise<void> {
    const { controlRegister, endValue } = this.settings;
    await this.ask(() => this.registers.writeRegister(controlRegister, endValue));
    this.complete = true;
  }

  async #announceSize(): Promise<void> {
    const { sizeRegister, sizeType, wordOrder } = this.settings;
    if (sizeRegister === undefined) return;
    const size = this.image.bytes.length;
    const words = sizeType === 'u16' ? [size] : [size >>> 16, size & 0xffff];
    if (wordOrder === 'little') words.reverse();
    await this.ask(() => this.registers.writeRegisters(sizeRegister, words));
  }

  /** One request. Busy is asked again for a while; "acknowledge" means that the device has taken it and goes on. */
  protected async ask(request: () => Promise<void>): Promise<void> {
    const busy = new Deadline(this.settings.busyWithinMs);
    for (;;) {
      this.#sentAtMs = monotonicMs();
      try {
        return await request();
      } catch (error) {
        if (exceptionCode(error) === EXCEPTION.acknowledge) return;
        if (!isBusy(error) || busy.passed) throw error;
      }
      await pause(Math.min(this.settings.everyMs, busy.leftMs));
    }
  }

  /** The transfer broke off. After an exception the device may say more in its own registers. */
  protected async broken(error: unknown): Promise<Answer> {
    const answer = answerOfError(error, monotonicMs() - this.#sentAtMs, 'transfer');
    if (!(error instanceof DeviceException)) return answer;
    const reason = await this.#ownReason();
    return reason === undefined ? answer : { ...answer, reason };
  }

  async #ownReason(): Promise<string | undefined> {
    const wanted = this.wanted();
    try {
      const status = await readOne(this.registers, wanted.statusTable, wanted.statusRegister);
      return wanted.refusedWhen.includes(status) ? await readReason(this.registers, wanted) : undefined;
    } catch (error) {
      if (error instanceof BenchError) return undefined; // the exception stands by itself
      throw error;
    }
  }

  protected wanted(): Outcome {
    const { statusRegister, statusTable, verifiedValue, refusedValue, reasonRegister } = this.settings;
    return {
      statusRegister,
      statusTable,
      acceptedWhen: [verifiedValue],
      refusedWhen: [refusedValue],
      reasonRegister,
      reasons: this.settings.reasons,
      withinMs: this.settings.verifyWithinMs,
      everyMs: this.settings.everyMs,
      stage: 'verify',
    };
  }
}
