import type { Answer, Delivery, FirmwareImage } from '../../../harness/capabilities.ts';
import { monotonicMs, pause } from '../../../harness/clock.ts';
import type { AdapterModule } from '../../../harness/driver.ts';
import { TimeoutError } from '../../../harness/errors.ts';
import type { SRecordSettings } from '../adapter-settings.ts';
import type { SerialConsole } from '../console.ts';
import { listen, serialConsole } from '../conversation.ts';
import { dataRecords, endRecord, headerRecord } from '../s-record-lines.ts';
import { answerOf } from './console-command.ts';
import { startTransfer, watchFor, type Watch } from './transfer.ts';
import { restartIn, wordReader, type Word } from './verdict-lines.ts';

/**
 * Offers a firmware image as S-records.
 *
 * The protocol has no acknowledgement: until the device has spoken, nothing is known of what arrived. What it then says
 * it has taken, by the group `total` of `accepted`, is what was delivered; a device that took another number of bytes
 * than were sent has not been offered the image, so that the answer is `garbage`, neither yes nor no. Of what it refuses
 * on the way, and of what it takes without counting, the delivery is left open. It throws PortError or DriverError when
 * the bench's end fails; silence is an answer.
 */
export const sRecordAdapter: AdapterModule<'ingress', SRecordSettings> = {
  name: 's-record',
  role: 'ingress',
  create(settings, wire) {
    const console = serialConsole(wire, 's-record');
    return { offer: (image) => console.exclusive(() => new Offer(console, settings, image).run()) };
  },
};

/** One image on its way. */
class Offer {
  readonly #console: SerialConsole;
  readonly #settings: SRecordSettings;
  readonly #image: FirmwareImage;
  readonly #read: (line: { text: string }) => Word | undefined;
  readonly #total: RegExp;

  constructor(console: SerialConsole, settings: SRecordSettings, image: FirmwareImage) {
    this.#console = console;
    this.#settings = settings;
    this.#image = image;
    this.#read = wordReader(settings);
    this.#total = new RegExp(settings.accepted);
  }

  async run(): Promise<Answer> {
    const lines = [...dataRecords(this.#image.bytes, this.#settings)].map(({ line }) => line);
    const early = await startTransfer(
      this.#console,
      this.#settings,
      this.#settings.readyWithinMs,
      this.#read,
    );
    if (early !== undefined) return { ...early, stage: 'transfer', delivery: this.#delivered(0, false) };
    const from = this.#console.cursor;
    const startedAtMs = monotonicMs();
    const watch = watchFor(this.#console, this.#settings.start, this.#read);
    try {
      const all = [headerRecord(this.#image.name), ...lines, endRecord(this.#settings)];
      const stalled = await this.#send(all, watch);
      const { spoken } = watch;
      if (spoken === undefined && stalled === undefined) return await this.#verdict(from);
      this.#console.markUnsettled(); // what was on its way lands in its command line, and is answered there
      const elapsedMs = monotonicMs() - startedAtMs;
      if (spoken !== undefined) return { ...spoken, stage: 'transfer', elapsedMs };
      const reason = stalled ?? 'the device was without power';
      return { kind: 'silent', reason, stage: 'transfer', delivery: this.#delivered(0, false), elapsedMs };
    } finally {
      watch.end();
    }
  }

  /** Line by line, until the device says something. @returns why it takes no more bytes, where it does not */
  async #send(lines: readonly string[], watch: Watch): Promise<string | undefined> {
    for (const line of lines) {
      if (watch.signal.aborted || this.#console.deviceOff) return undefined;
      try {
        await this.#console.send(line);
      } catch (error) {
        if (!(error instanceof TimeoutError)) throw error;
        return error.message;
      }
      // A receiver without flow control needs this time for what came; there is no event to wait for.
      if (this.#settings.pauseMs > 0) await pause(this.#settings.pauseMs);
    }
    return undefined;
  }

  /** What the device says once all has been sent; the time for it begins when the last byte is on the wire. */
  async #verdict(from: number): Promise<Answer> {
    const { verifyWithinMs } = this.#settings;
    const { answerEnd } = this.#console.options;
    const end = answerEnd === undefined ? undefined : new RegExp(answerEnd);
    let total: number | undefined;
    let yes: Word | undefined;
    const request = { from, withinMs: verifyWithinMs, heeds: restartIn(this.#read) };
    const heard = await listen(this.#console, request, (line) => {
      const word = this.#read(line);
      if (word?.kind !== 'accepted') return word ?? (end?.test(line.text) === true ? yes : undefined);
      total ??= totalOf(this.#total.exec(line.text)?.groups?.['total']);
      yes ??= word;
      // A loader may pass over what comes behind the last record for a while: the next command waits for its prompt.
      return end === undefined ? yes : undefined;
    });
    const answer: Answer = {
      ...answerOf({ ...heard, value: heard.value ?? yes }, verifyWithinMs),
      stage: 'transfer',
    };
    if (answer.kind === 'refused' || answer.kind === 'crashed') return answer;
    if (answer.kind !== 'accepted') return { ...answer, delivery: this.#delivered(0, false) };
    const sent = this.#image.bytes.length;
    if (total === undefined) return answer;
    if (total === sent) return { ...answer, delivery: this.#delivered(total, true) };
    return {
      ...answer,
      kind: 'garbage',
      reason: `the device took ${total} of ${sent} bytes: ${answer.reason ?? ''}`,
      delivery: this.#delivered(total, false),
    };
  }

  #delivered(acknowledgedBytes: number, complete: boolean): Delivery {
    return { totalBytes: this.#image.bytes.length, acknowledgedBytes, complete };
  }
}

/** Decimal, or hexadecimal with 0x. */
function totalOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  return Number.isInteger(value) ? value : undefined;
}
