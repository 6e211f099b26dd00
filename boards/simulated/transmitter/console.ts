/** The serial console of TR-1: lines of text, and YMODEM when it is asked for. */

import { LineCutter, type SerialPort } from '../line-port.ts';
import { YmodemReceiver } from '../ymodem-receive.ts';
import { type Transmitter } from './transmitter.ts';

/** `ERR <word> <text>` */
class ConsoleError extends Error {
  readonly word: string;

  constructor(word: string, text: string) {
    super(text);
    this.word = word;
  }
}

/** Lines before the last one, and the last one unless it is plain `OK`. */
interface Reply {
  lines?: string[];
  last?: string;
}

const CANCEL = Buffer.alloc(5, 0x18);

export class TransmitterConsole {
  readonly #port: SerialPort;
  readonly #cutter = new LineCutter();
  #device: Transmitter | undefined;
  #transfer: YmodemReceiver | undefined;

  constructor(port: SerialPort) {
    this.#port = port;
    port.onData((bytes) => this.#receive(bytes));
  }

  /** From now on commands are obeyed. */
  serve(device: Transmitter): void {
    this.#device = device;
  }

  print(line: string): void {
    this.#port.write(Buffer.from(`${line}\r\n`));
  }

  #receive(bytes: Buffer): void {
    const device = this.#device;
    if (device === undefined) return;
    if (this.#transfer !== undefined) return this.#transfer.receive(bytes);
    for (const line of this.#cutter.take(bytes)) if (!device.resetting) this.#command(device, line);
  }

  #command(device: Transmitter, line: string | undefined): void {
    try {
      const reply =
        line === undefined ? fail('too-long', 'line of more than 256 bytes') : this.#obey(device, line);
      if (reply === undefined) return;
      for (const text of reply.lines ?? []) this.print(text);
      this.print(reply.last ?? 'OK');
      if (device.resetting) this.#port.drained(() => device.resetIfOrdered());
    } catch (error) {
      if (!(error instanceof ConsoleError)) throw error;
      this.print(`ERR ${error.word} ${error.message}`);
    }
  }

  /** @returns undefined when the answer comes later */
  #obey(device: Transmitter, line: string): Reply | undefined {
    const since = /^log since (\d{1,9})$/.exec(line);
    if (since !== null) return { lines: logLines(device, Number(since[1])) };
    if (line === 'update ymodem') return this.#receiveFile(device);
    const command = COMMANDS[line];
    return command === undefined ? fail('unknown', 'command; see the datasheet') : command(device);
  }

  #receiveFile({ updater }: Transmitter): undefined {
    if (updater.ingress !== undefined) fail('busy', `an update through ${updater.ingress} is under way`);
    let begun: ReturnType<typeof updater.begin> | undefined;
    const transfer = new YmodemReceiver({
      send: (bytes) => this.#port.write(bytes),
      begin: (file) => {
        begun = updater.begin({
          ingress: 'ymodem',
          announcedBytes: file.bytes,
          onStall: () => {
            transfer.stop();
            this.#port.write(CANCEL);
            this.#answer(endOf(updater));
          },
        });
        return begun === 'begun';
      },
      data: (bytes) => updater.write(bytes),
      end: (how) => {
        if (begun === undefined) return this.#answer([`ERR transfer ${how}`]);
        if (begun === 'busy') return this.#answer(['ERR busy an update is under way']);
        if (how !== 'cancelled-by-sender' && how !== 'timeout') return this.#answer(endOf(updater));
        updater.abort();
        this.#answer([`update: received ${updater.received} bytes`, `ERR transfer ${how}`]);
      },
    });
    this.print('READY');
    this.#transfer = transfer;
    transfer.start();
  }

  /** The empty line ends the line of protocol bytes, so that the answer stands on lines of its own. */
  #answer(lines: readonly string[]): void {
    this.#transfer = undefined;
    for (const text of ['', ...lines]) this.print(text);
  }
}

function endOf(updater: Transmitter['updater']): string[] {
  const outcome = updater.finish();
  return [
    `update: received ${updater.received} bytes`,
    outcome.ok ? `OK verified ${outcome.version}` : `ERR refused ${outcome.reason}`,
  ];
}

function fail(word: string, text: string): never {
  throw new ConsoleError(word, text);
}

function rebooting(device: Transmitter): Reply {
  device.orderReset();
  return { last: 'OK rebooting' };
}

const COMMANDS: Readonly<Record<string, (device: Transmitter) => Reply>> = {
  status: (device) => ({ lines: statusLines(device) }),
  id: () => ({
    lines: ['vendor=Fieldproof Reference Devices', 'model=TR-1', 'hardware=B', 'serial=TR1-000007'],
  }),
  'update activate': (device) =>
    device.updater.activate() ? rebooting(device) : fail('state', 'nothing is staged'),
  'update discard': ({ updater }) => (updater.discard() ? {} : fail('state', 'an update is under way')),
  'factory-reset': (device) => {
    device.factoryReset();
    return rebooting(device);
  },
  reboot: rebooting,
};

function statusLines({ running, updater, floor, configuration, uptimeMs }: Transmitter): string[] {
  return [
    `version=${running?.version ?? 'none'}`,
    `digest=${running?.digest ?? 'none'}`,
    `counter=${floor.value}`,
    `staged=${updater.stagedVersion ?? 'none'}`,
    `damping-ms=${configuration.dampingMs}`,
    `uptime-ms=${uptimeMs}`,
  ];
}

function logLines({ log }: Transmitter, since: number): string[] {
  return log
    .since(since)
    .map(
      ({ seq, utc, event, object, result, text }) =>
        `log seq=${seq} utc=${utc} event=${event} object=${object} result=${result} text=${text}`,
    );
}
