/** An S-record loader for tests, written from the format's description and not from our sender; it misbehaves on request. */

import type { FakeDevice } from './fake-device.ts';

/** What the loader does beside loading. */
export interface LoaderFault {
  /** From this line on (0 is the header) it says nothing and takes nothing. */
  deafFrom?: number;
  /** At this line it says so, and goes back to its command line. */
  saysAt?: { line: number; text: string };
  /** Loses this line, as an overrun does. */
  loses?: number;
  /** Sends every line back. */
  echo?: boolean;
  /** Ends without telling how much it took. */
  tellsNothing?: boolean;
}

/** Length of the address by the type's digit. */
const ADDRESS_BYTES: Readonly<Record<string, number>> = { 0: 2, 1: 2, 2: 3, 3: 4, 7: 4, 8: 3, 9: 2 };

export class SRecordReceiver {
  readonly memory = new Map<number, number>();
  readonly lines: string[] = [];
  /** What was typed at the command line afterwards. */
  readonly typed: string[] = [];
  header = '';
  startAddress = -1;
  readonly #device: FakeDevice;
  readonly #how: LoaderFault;
  #done = false;

  constructor(device: FakeDevice, how: LoaderFault = {}) {
    this.#device = device;
    this.#how = how;
    device.answer = (line) => this.#line(line);
  }

  /** Bytes from an address on, as far as they are without a gap. */
  from(address: number): Buffer {
    const bytes: number[] = [];
    for (let at = address; this.memory.has(at); at += 1) bytes.push(this.memory.get(at) ?? 0);
    return Buffer.from(bytes);
  }

  #line(line: string): string | undefined {
    const { deafFrom, saysAt, loses, echo = false } = this.#how;
    if (this.#done) {
      this.typed.push(line);
      return `Unknown command '${line}'\r\n`;
    }
    const at = this.lines.push(line) - 1;
    if (deafFrom !== undefined && at >= deafFrom) return undefined;
    if (saysAt?.line === at) {
      this.#done = true;
      return saysAt.text;
    }
    if (loses === at) return undefined;
    return (echo ? `${line}\r\n` : '') + this.#record(line);
  }

  #record(line: string): string {
    const bytes = Buffer.from(line.slice(2), 'hex');
    const sum = bytes.reduce((total, byte) => total + byte, 0);
    const type = line[1] ?? '';
    const wide = ADDRESS_BYTES[type] ?? 0;
    if (line[0] !== 'S' || bytes.length !== (bytes[0] ?? 0) + 1 || (sum & 0xff) !== 0xff) {
      this.#done = true;
      return 'load aborted\r\n';
    }
    const address = bytes.readUIntBE(1, wide);
    const data = bytes.subarray(1 + wide, -1);
    if (type === '0') this.header = data.toString();
    if (['1', '2', '3'].includes(type)) data.forEach((byte, index) => this.memory.set(address + index, byte));
    if (!['7', '8', '9'].includes(type)) return '';
    this.#done = true;
    this.startAddress = address;
    if (this.#how.tellsNothing === true) return 'total unknown\r\n';
    setTimeout(() => this.#device.say('start 0x0\r\n=> '), 30);
    return `total 0x${this.memory.size.toString(16)} = ${this.memory.size} bytes\r\n`;
  }
}
