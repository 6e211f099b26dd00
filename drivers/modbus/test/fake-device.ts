/** What the fake answers when it behaves: a small register map, PDU in, PDU out. Shares no codec with the driver. */

const ILLEGAL_FUNCTION = 1;
const ILLEGAL_ADDRESS = 2;

class Refusal extends Error {
  readonly code: number;

  constructor(code: number) {
    super(`exception ${code}`);
    this.code = code;
  }
}

export class FakeDevice {
  readonly coils: boolean[] = Array.from({ length: 4000 }, (_, at) => at % 3 === 0);
  readonly discrete: boolean[] = Array.from({ length: 4000 }, (_, at) => at % 2 === 0);
  readonly holding: number[] = Array.from({ length: 1000 }, (_, at) => at);
  readonly input: number[] = Array.from({ length: 1000 }, (_, at) => 1000 + at);
  readonly fifo: number[] = [0x01b8, 0x1284];
  readonly files = new Map<string, number>();
  readonly identity = new Map<number, string>([
    [0, 'Fake Works'],
    [1, 'FW-1'],
    [2, '1.2.0'],
    [5, 'Model 5'],
  ]);
  /** Objects in one part of the identification; the rest follows. */
  identityPart = 3;
  /** Called before every granted write of holding registers; an exception code refuses it. */
  onWrite: (address: number, values: readonly number[]) => number | undefined = () => undefined;
  /** Called before every file record; an exception code refuses it. */
  onRecord: (file: number, record: number, values: readonly number[]) => number | undefined = () => undefined;

  answer(pdu: Buffer): Buffer {
    const code = pdu[0]!;
    try {
      return this.#granted(code, pdu);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return Buffer.from([code | 0x80, error.code]);
    }
  }

  #granted(code: number, pdu: Buffer): Buffer {
    switch (code) {
      case 1:
        return this.#bits(pdu, this.coils);
      case 2:
        return this.#bits(pdu, this.discrete);
      case 3:
        return this.#words(code, slice(this.holding, pdu.readUInt16BE(1), pdu.readUInt16BE(3)));
      case 4:
        return this.#words(code, slice(this.input, pdu.readUInt16BE(1), pdu.readUInt16BE(3)));
      case 5:
        this.coils[pdu.readUInt16BE(1)] = pdu.readUInt16BE(3) === 0xff00;
        return pdu;
      case 6:
        this.#write(pdu.readUInt16BE(1), [pdu.readUInt16BE(3)]);
        return pdu;
      case 8:
        return pdu;
      case 15:
        for (let at = 0; at < pdu.readUInt16BE(3); at += 1) {
          this.coils[pdu.readUInt16BE(1) + at] = ((pdu[6 + (at >> 3)]! >> (at & 7)) & 1) === 1;
        }
        return pdu.subarray(0, 5);
      case 16:
        this.#write(pdu.readUInt16BE(1), wordsFrom(pdu.subarray(6)));
        return pdu.subarray(0, 5);
      case 17:
        return Buffer.from([17, 3, 0x42, 0xff, 0x01]);
      case 20:
        return this.#readFile(pdu);
      case 21:
        return this.#writeFile(pdu);
      case 22: {
        const at = pdu.readUInt16BE(1);
        const [and, or] = [pdu.readUInt16BE(3), pdu.readUInt16BE(5)];
        this.#write(at, [((this.holding[at] ?? 0) & and) | (or & ~and & 0xffff)]);
        return pdu;
      }
      case 23:
        this.#write(pdu.readUInt16BE(5), wordsFrom(pdu.subarray(10)));
        return this.#words(code, slice(this.holding, pdu.readUInt16BE(1), pdu.readUInt16BE(3)));
      case 24: {
        const head = Buffer.from([24, 0, 2 + 2 * this.fifo.length, 0, this.fifo.length]);
        return Buffer.concat([head, bytesFrom(this.fifo)]);
      }
      case 43:
        return this.#identify(pdu);
      case 70: // a maker's own function with a length that only the maker knows
        return Buffer.from([70, 1, 2, 3, 4, 5]);
      default:
        throw new Refusal(ILLEGAL_FUNCTION);
    }
  }

  #write(address: number, values: readonly number[]): void {
    const refusal = this.onWrite(address, values);
    if (refusal !== undefined) throw new Refusal(refusal);
    if (address + values.length > this.holding.length) throw new Refusal(ILLEGAL_ADDRESS);
    values.forEach((value, at) => (this.holding[address + at] = value));
  }

  #bits(pdu: Buffer, table: readonly boolean[]): Buffer {
    const bits = slice(table, pdu.readUInt16BE(1), pdu.readUInt16BE(3));
    const bytes = Buffer.alloc(Math.ceil(bits.length / 8));
    bits.forEach((bit, at) => (bytes[at >> 3]! |= (bit ? 1 : 0) << (at & 7)));
    return Buffer.concat([Buffer.from([pdu[0]!, bytes.length]), bytes]);
  }

  #words(code: number, values: readonly number[]): Buffer {
    return Buffer.concat([Buffer.from([code, 2 * values.length]), bytesFrom(values)]);
  }

  #readFile(pdu: Buffer): Buffer {
    const [file, record, count] = [pdu.readUInt16BE(3), pdu.readUInt16BE(5), pdu.readUInt16BE(7)];
    const values = Array.from({ length: count }, (_, at) => this.files.get(`${file}/${record + at}`) ?? 0);
    return Buffer.concat([Buffer.from([20, 2 + 2 * count, 1 + 2 * count, 6]), bytesFrom(values)]);
  }

  #writeFile(pdu: Buffer): Buffer {
    const [file, record] = [pdu.readUInt16BE(3), pdu.readUInt16BE(5)];
    const values = wordsFrom(pdu.subarray(9));
    const refusal = this.onRecord(file, record, values);
    if (refusal !== undefined) throw new Refusal(refusal);
    values.forEach((value, at) => this.files.set(`${file}/${record + at}`, value));
    return pdu;
  }

  #identify(pdu: Buffer): Buffer {
    const all = [...this.identity].filter(([id]) => id >= pdu[3]!);
    const part = all.slice(0, this.identityPart);
    const next = all[this.identityPart]?.[0];
    const objects = part.map(([id, text]) =>
      Buffer.concat([Buffer.from([id, text.length]), Buffer.from(text)]),
    );
    const head = Buffer.from([
      43,
      0x0e,
      pdu[2]!,
      0x82,
      next === undefined ? 0 : 0xff,
      next ?? 0,
      part.length,
    ]);
    return Buffer.concat([head, ...objects]);
  }
}

function slice<T>(table: readonly T[], address: number, count: number): T[] {
  if (address + count > table.length) throw new Refusal(ILLEGAL_ADDRESS);
  return table.slice(address, address + count);
}

function bytesFrom(values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(2 * values.length);
  values.forEach((value, at) => bytes.writeUInt16BE(value, 2 * at));
  return bytes;
}

function wordsFrom(bytes: Buffer): number[] {
  return Array.from({ length: bytes.length >> 1 }, (_, at) => bytes.readUInt16BE(2 * at));
}
