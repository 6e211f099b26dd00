/** What the tests of TR-1 need beside the bench of SG-1: its program, its lines, its images. Not for suites. */

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { dataPath } from '../../paths.ts';
import { TestBench } from '../../testing/bench.ts';
import { exchangeRtu, offerFileRecords, request, type Exchange } from '../../testing/modbus-client.ts';

const UP = /TR-1 [^\r]*(ready|recovery)\r\n/;

export class TransmitterBench extends TestBench {
  constructor(args: readonly string[]) {
    super(args, 'transmitter/main');
  }

  override boot(expected: RegExp = UP): Promise<string> {
    return super.boot(expected);
  }

  /** Installs what is staged; gives the boot text. */
  override async activate(): Promise<string> {
    return this.restart('update activate');
  }

  /** Gives a command that restarts the device; gives the boot text. */
  async restart(command = 'reboot'): Promise<string> {
    this.console.send(`${command}\r`);
    await this.console.waitFor(/OK rebooting\r\n/);
    return this.console.waitFor(UP);
  }

  /** Offers through file records over RTU; gives registers 50 and 51. */
  offerRecords(image: Buffer): Promise<number[]> {
    return offerFileRecords(this.modbus, image);
  }

  /** Answers have the length that the request asks for; an exception is padded by nothing and ends the wait. */
  readonly modbus: Exchange = async (pdu) => {
    const line = this.line(this.ready.rs485);
    try {
      return await exchangeRtu(line, pdu, answerBytes(pdu));
    } finally {
      line.close();
    }
  };
}

/** Length of the answer PDU to the requests of these tests, where it is no exception. */
function answerBytes(pdu: Buffer): number {
  const code = pdu[0] ?? 0;
  if (code === 3 || code === 4) return 2 + 2 * pdu.readUInt16BE(3);
  return code === 21 ? pdu.length : 5;
}

/** Runs `work` with a transmitter that is switched on and ready, and ends it whatever happens. */
export async function withTransmitter(
  args: readonly string[],
  work: (bench: TransmitterBench) => Promise<void>,
): Promise<void> {
  const bench = new TransmitterBench(args);
  try {
    await bench.open();
    await bench.boot();
    await work(bench);
  } finally {
    await bench.close();
  }
}

/** A request that is met with an exception; gives its code. */
export async function exceptionOf(bench: TransmitterBench, ...words: [number, ...number[]]): Promise<number> {
  const line = bench.line(bench.ready.rs485);
  try {
    return (await exchangeRtu(line, request(...words), 2))[1] ?? 0;
  } finally {
    line.close();
  }
}

export function imageFile(name: string): Buffer {
  return readFileSync(dataPath('transmitter', 'images', name));
}

export const IMAGE = {
  golden: imageFile('golden-2.1.0.bin'),
  pair: imageFile('pair-2.1.1.bin'),
  older: imageFile('older-2.0.0.bin'),
  newer: imageFile('newer-2.2.0.bin'),
  lowerCounter: imageFile('lower-counter-2.9.0.bin'),
  equalCounter: imageFile('equal-counter-2.0.9.bin'),
  noCounter: imageFile('no-counter-2.3.0.bin'),
  maximumCounter: imageFile('maximum-counter-2.3.1.bin'),
  otherHardware: imageFile('other-hardware-2.2.0.bin'),
  oversize: imageFile('oversize-2.4.0.bin'),
  lengthOverflow: imageFile('length-overflow-2.4.1.bin'),
} as const;

/** Offsets in these images: a byte of the payload, the last one of each signature. */
export const AT = {
  payload: 0x1000,
  ed25519: IMAGE.golden.length - 2421,
  mlDsa: IMAGE.golden.length - 1,
} as const;

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
