import {
  endlessKinds,
  type Answer,
  type Delivery,
  type EndlessTransfer,
  type FirmwareImage,
} from '../../../harness/capabilities.ts';
import type { AdapterModule } from '../../../harness/driver.ts';
import type { YmodemSettings } from '../adapter-settings.ts';
import type { SerialConsole } from '../console.ts';
import { listen, serialConsole } from '../conversation.ts';
import { answerOf } from './console-command.ts';
import { startTransfer, watchFor } from './transfer.ts';
import { restartIn, wordReader, type Word } from './verdict-lines.ts';

/** After a cancel by the receiver: how long to wait for the words that give its reason. */
const REASON_WITHIN_MS = 2000;

/**
 * Offers a firmware image through YMODEM.
 *
 * `offer` answers with the stage at which the device spoke: `transfer` before the file's end was acknowledged,
 * `verify` after it. It throws PortError or DriverError when the bench's end fails; silence is an answer.
 *
 * `offerEndlessly` answers `silent` only when the receiver has shown that it was still there.
 */
export const ymodemAdapter: AdapterModule<'ingress', YmodemSettings> = {
  name: 'ymodem',
  role: 'ingress',
  create(settings, wire) {
    const console = serialConsole(wire, 'ymodem');
    const offering = (image: FirmwareImage): Offer => new Offer(console, settings, image);
    return {
      offer: (image) => console.exclusive(() => offering(image).run()),
      endless: endlessKinds,
      offerEndlessly: (image, transfer) => console.exclusive(() => offering(image).runEndlessly(transfer)),
    };
  },
};

/** One image on its way. */
class Offer {
  readonly #console: SerialConsole;
  readonly #settings: YmodemSettings;
  readonly #image: FirmwareImage;
  readonly #read: (line: { text: string }) => Word | undefined;
  readonly #heeds: (text: string) => boolean;
  /** Said by the device while the file was on its way: ends the transfer. */
  #spoken: Word | undefined;

  constructor(console: SerialConsole, settings: YmodemSettings, image: FirmwareImage) {
    this.#console = console;
    this.#settings = settings;
    this.#image = image;
    this.#read = wordReader(settings);
    this.#heeds = restartIn(this.#read);
  }

  async run(): Promise<Answer> {
    const early = await this.#start();
    if (early !== undefined) return early;
    const sent = await this.#transfer();
    if (this.#spoken !== undefined) {
      const stage = sent.delivery?.complete === true ? 'verify' : 'transfer';
      return { ...sent, ...this.#spoken, stage };
    }
    if (sent.kind === 'refused') return this.#withReason(sent);
    if (sent.kind !== 'accepted') {
      this.#console.markUnsettled();
      return sent;
    }
    const { verifyWithinMs } = this.#settings;
    const verdict = await listen(
      this.#console,
      { from: this.#console.cursor, withinMs: verifyWithinMs, heeds: this.#heeds },
      this.#read,
    );
    const answer = answerOf(verdict, verifyWithinMs);
    // From the last frame on: the verdict may have come while the receiver was still waited for.
    const elapsedMs = sent.elapsedMs + answer.elapsedMs;
    return { ...answer, elapsedMs, stage: 'verify', ...deliveryOf(sent) };
  }

  /** A transfer without an end; afterwards the console is left so that the next command works. */
  async runEndlessly(endless: EndlessTransfer): Promise<Answer> {
    const early = await this.#start();
    if (early !== undefined) return early;
    const sent = await this.#transfer(endless);
    if (this.#spoken !== undefined) return { ...sent, ...this.#spoken, stage: 'transfer' };
    if (sent.kind === 'refused') return this.#withReason(sent);
    if (sent.kind === 'closed') await this.#console.send(''); // ends the line that the probe may have begun
    this.#console.markUnsettled(); // what the device says of the cancelled transfer is no answer to what comes next
    return sent;
  }

  /** Brings the device to wait for the file; an answer means that it does not. */
  async #start(): Promise<Answer | undefined> {
    const early = await startTransfer(
      this.#console,
      this.#settings,
      this.#settings.blockWithinMs,
      this.#read,
    );
    return early && { ...early, stage: 'transfer', delivery: this.#nothingDelivered() };
  }

  async #transfer(endless?: EndlessTransfer): Promise<Answer> {
    const watch = watchFor(this.#console, this.#settings.start, this.#read);
    try {
      const { blockWithinMs, secondRequestWithinMs, fileName } = this.#settings;
      const file = { name: fileName ?? this.#image.name, bytes: this.#image.bytes };
      return await this.#console.sendFile(file, {
        blockWithinMs,
        secondRequestWithinMs,
        stop: watch.signal,
        ...(endless === undefined ? {} : { endless }),
      });
    } finally {
      this.#spoken = watch.spoken;
      watch.end();
    }
  }

  /** The receiver cancelled; its reason, if it gives one, follows as text. */
  async #withReason(sent: Answer): Promise<Answer> {
    const withinMs = Math.min(REASON_WITHIN_MS, this.#settings.verifyWithinMs);
    const from = this.#console.cursor;
    const said = await listen(this.#console, { from, withinMs, heeds: this.#heeds }, this.#read);
    if (said.value?.reason === undefined || said.value.kind === 'accepted') return sent;
    return { ...sent, kind: said.value.kind, reason: said.value.reason };
  }

  #nothingDelivered(): Delivery {
    return { totalBytes: this.#image.bytes.length, acknowledgedBytes: 0, complete: false };
  }
}

function deliveryOf(answer: Answer): { delivery?: Delivery } {
  return answer.delivery === undefined ? {} : { delivery: answer.delivery };
}
