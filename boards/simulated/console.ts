/** The serial console: lines of text, and YMODEM when it is asked for. */

import { type Gateway } from './gateway.ts';
import { LineCutter, type SerialPort } from './line-port.ts';
import { versionText } from './mcuboot-image.ts';
import { type Step } from './trial-steps.ts';
import { YmodemReceiver, type YmodemSink } from './ymodem-receive.ts';

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
  reset?: true;
}

export class SerialConsole {
  readonly #port: SerialPort;
  readonly #cutter = new LineCutter();
  #gateway: Gateway | undefined;
  #transfer: YmodemReceiver | undefined;
  /** Lines that wait for the end of a YMODEM transfer, which they would damage. */
  #heldBack: string[] = [];

  constructor(port: SerialPort) {
    this.#port = port;
    port.onData((bytes) => this.#receive(bytes));
  }

  /** From now on commands are obeyed. */
  serve(gateway: Gateway): void {
    this.#gateway = gateway;
    gateway.alarms.onAlarm((alarm) =>
      this.print(`ALARM seq=${alarm.sequence} object=${alarm.object} text=${alarm.text}`),
    );
  }

  print(line: string): void {
    if (this.#gateway?.hung === true) return;
    if (this.#transfer === undefined) this.#port.write(Buffer.from(`${line}\r\n`));
    else this.#heldBack.push(line);
  }

  #receive(bytes: Buffer): void {
    if (this.#gateway === undefined || this.#gateway.hung) return;
    if (this.#transfer !== undefined) {
      this.#gateway.updater.heard();
      return this.#transfer.receive(bytes);
    }
    for (const line of this.#cutter.take(bytes)) this.#command(line);
  }

  #command(line: string | undefined): void {
    try {
      const reply = line === undefined ? fail('too-long', 'line of more than 256 bytes') : this.#obey(line);
      if (reply === undefined) return;
      for (const text of reply.lines ?? []) this.print(text);
      this.print(reply.last ?? 'OK');
      if (reply.reset === true) this.#port.drained(() => this.#gateway?.reset());
    } catch (error) {
      if (!(error instanceof ConsoleError)) throw error;
      this.print(`ERR ${error.word} ${error.message}`);
    }
  }

  /** @returns undefined when the answer comes later */
  #obey(line: string): Reply | undefined {
    const gateway = this.#gateway;
    if (gateway === undefined) return undefined;
    const since = /^log since (\d{1,9})$/.exec(line);
    if (since !== null) return { lines: logLines(gateway, Number(since[1])) };
    if (line === 'opcua fingerprint') return this.#fingerprint(gateway);
    if (line === 'update ymodem') return this.#receiveFile(gateway);
    const command = COMMANDS[line];
    if (command === undefined) return fail('unknown', 'command; see the datasheet');
    return command(gateway);
  }

  #fingerprint(gateway: Gateway): undefined {
    if (gateway.opcua === undefined) return fail('state', 'no OPC UA server runs');
    gateway.opcua.fingerprint((fingerprint) => {
      this.print(fingerprint ?? 'ERR state the OPC UA module did not start');
      if (fingerprint !== undefined) this.print('OK');
    });
  }

  #receiveFile(gateway: Gateway): undefined {
    const { updater } = gateway;
    if (updater.busyBecause !== undefined) fail('busy', updater.busyBecause);
    let begun = false;
    const sink: YmodemSink = {
      send: (bytes) => {
        if (!gateway.hung) this.#port.write(bytes);
      },
      begin: (file) => {
        const answer = updater.begin('ymodem', file.bytes, () => transfer.giveUp());
        if (!answer.ok)
          this.#heldBack.push(
            `ERR ${answer.reason === 'busy' ? `busy ${answer.text}` : `refused ${answer.reason}`}`,
          );
        begun = answer.ok;
        return answer.ok;
      },
      data: (bytes) => updater.write(bytes),
      end: (how) => {
        this.#transfer = undefined;
        const answers = begun ? this.#transferEnded(gateway, how) : [];
        if (!begun && this.#heldBack.length === 0) answers.push(`ERR transfer ${how}`);
        const held = this.#heldBack;
        this.#heldBack = [];
        // Ends the line of protocol bytes, so that the answer stands on a line of its own.
        for (const text of ['', ...held, ...answers]) this.print(text);
      },
    };
    const transfer = gateway.defects.has('waits-for-ever')
      ? new YmodemReceiver(sink, Infinity)
      : new YmodemReceiver(sink);
    this.print('READY');
    this.#transfer = transfer;
    transfer.start();
  }

  #transferEnded(gateway: Gateway, how: string): string[] {
    const { updater } = gateway;
    if (how === 'cancelled-by-sender' || how === 'timeout') {
      updater.abort();
      return [`update: received ${updater.received} bytes`, `ERR transfer ${how}`];
    }
    const outcome = updater.finish();
    return [
      `update: received ${updater.received} bytes`,
      outcome.ok
        ? `OK verified ${updater.stagedVersion ?? versionText(outcome.version)}`
        : `ERR refused ${outcome.reason}`,
    ];
  }
}

function fail(word: string, text: string): never {
  throw new ConsoleError(word, text);
}

function done(step: Step, reply: Reply = {}): Reply {
  return step.ok ? reply : fail(step.word, step.text);
}

const COMMANDS: Readonly<Record<string, (gateway: Gateway) => Reply>> = {
  status: (gateway) => ({ lines: statusLines(gateway) }),
  id: ({ model }) => ({
    lines: ['vendor=Fieldproof Reference Devices', `model=${model}`, 'hardware=C', 'serial=SG1-000042'],
  }),
  setpoint: (gateway) => ({
    lines: [`setpoint=${gateway.commands.setpoint}`, `effects=${gateway.commands.effects}`],
  }),
  'update activate': (gateway) => done(gateway.updater.activate(), { last: 'OK rebooting', reset: true }),
  'update confirm': (gateway) => done(gateway.updater.confirm()),
  'update discard': (gateway) => done(gateway.updater.discard()),
  'update revert': (gateway) => done(gateway.updater.revert(), { last: 'OK rebooting', reset: true }),
  'update allow-older': (gateway) => done(gateway.updater.allowOlder()),
  'factory-reset': (gateway) => {
    gateway.factoryReset();
    return { last: 'OK rebooting', reset: true };
  },
  alarms: (gateway) => ({
    lines: gateway.alarms.active.map((alarm) => `alarm object=${alarm.object} text=${alarm.text}`),
  }),
  'alarms ack': (gateway) => {
    gateway.alarms.acknowledge();
    return {};
  },
};

function statusLines(gateway: Gateway): string[] {
  const { running, updater } = gateway;
  return [
    `version=${gateway.versionText ?? 'none'}`,
    `digest=${running?.digest ?? 'none'}`,
    `counter=${gateway.floor.value}`,
    `slot=${running === undefined ? 'none' : updater.confirmation}`,
    `staged=${updater.stagedVersion ?? 'none'}`,
    `uptime-ms=${gateway.uptimeMs}`,
  ];
}

function logLines(gateway: Gateway, since: number): string[] {
  return gateway.log
    .since(since)
    .map(
      (record) =>
        `log seq=${record.seq} utc=${record.utc} event=${record.event} object=${record.object} result=${record.result} text=${record.text}`,
    );
}
