/** A small Modbus client for the tests: TCP, and RTU on a tty. */

import { connect, type Socket } from 'node:net';
import { crc16Modbus } from '../crc.ts';
import { CODE, encodeMessage } from '../command-message.ts';
import { readFileSync } from 'node:fs';
import { dataPath } from '../paths.ts';
import { DEADLINE_MS, type Line } from './bench.ts';

export type Exchange = (pdu: Buffer) => Promise<Buffer>;

/** A TCP client; `close` ends it. */
export class ModbusTcpClient {
  readonly #socket: Socket;
  #pending: Buffer = Buffer.alloc(0);
  #waiting: ((frame: Buffer) => void)[] = [];

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (bytes: Buffer) => {
      this.#pending = Buffer.concat([this.#pending, bytes]);
      while (this.#pending.length >= 7 && this.#pending.length >= 6 + this.#pending.readUInt16BE(4)) {
        const end = 6 + this.#pending.readUInt16BE(4);
        this.#waiting.shift()?.(this.#pending.subarray(0, end));
        this.#pending = this.#pending.subarray(end);
      }
    });
    socket.on('error', () => undefined);
  }

  static open(port: number): Promise<ModbusTcpClient> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host: '127.0.0.1', noDelay: true });
      socket.once('error', reject);
      socket.once('connect', () => resolve(new ModbusTcpClient(socket)));
    });
  }

  readonly exchange: Exchange = (pdu) => this.exchangeWith(17, pdu);

  exchangeWith(unit: number, pdu: Buffer, withinMs = DEADLINE_MS): Promise<Buffer> {
    const header = Buffer.of(0x12, 0x34, 0, 0, 0, pdu.length + 1, unit);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no answer within ${withinMs} ms`)), withinMs);
      this.#waiting.push((frame) => {
        clearTimeout(timer);
        resolve(frame.subarray(7));
      });
      this.#socket.write(Buffer.concat([header, pdu]));
    });
  }

  close(): void {
    this.#socket.destroy();
  }
}

/** @param answerBytes length of the answer PDU, which RTU does not tell */
export async function exchangeRtu(line: Line, pdu: Buffer, answerBytes: number, unit = 17): Promise<Buffer> {
  const body = Buffer.concat([Buffer.of(unit), pdu]);
  const crc = crc16Modbus(body);
  line.send(Buffer.concat([body, Buffer.of(crc & 0xff, crc >> 8)]));
  const frame = await line.bytes(answerBytes + 3);
  const answer = frame.subarray(0, -2);
  if (crc16Modbus(answer) !== frame.readUInt16LE(answer.length)) throw new Error('answer with a wrong CRC');
  return answer.subarray(1);
}

/** A request PDU: function code, then 16-bit words. */
export function request(code: number, ...words: number[]): Buffer {
  const pdu = Buffer.alloc(1 + 2 * words.length, code);
  words.forEach((word, index) => pdu.writeUInt16BE(word & 0xffff, 1 + 2 * index));
  return pdu;
}

export function writeRegisters(address: number, values: readonly number[]): Buffer {
  return Buffer.concat([
    request(16, address, values.length),
    Buffer.of(2 * values.length),
    request(0, ...values).subarray(1),
  ]);
}

export async function readInput(exchange: Exchange, address: number, count: number): Promise<number[]> {
  const answer = await exchange(request(4, address, count));
  if (answer[0] !== 4) throw new Error(`exception ${answer[1]}`);
  return Array.from({ length: count }, (_unused, index) => answer.readUInt16BE(2 + 2 * index));
}

export async function readU32(exchange: Exchange, address: number): Promise<number> {
  const [high = 0, low = 0] = await readInput(exchange, address, 2);
  return high * 0x10000 + low;
}

export interface CommandChoice {
  counter: number;
  ageMs?: number;
  code?: number;
  value?: number;
}

export function command(choice: CommandChoice): Buffer {
  const key = readFileSync(dataPath('keys', 'commands.key'));
  const timestampMs = Date.now() - (choice.ageMs ?? 0);
  const { counter, code = CODE.addToSetpoint, value = 1 } = choice;
  return encodeMessage({ counter, timestampMs, code, value }, key);
}

/** Sends a command message through the mailbox; gives register 40. */
export async function sendCommand(exchange: Exchange, message: Buffer): Promise<number> {
  const words = Array.from({ length: message.length / 2 }, (_unused, index) =>
    message.readUInt16BE(2 * index),
  );
  const answer = await exchange(writeRegisters(100, words));
  if (answer[0] !== 16) throw new Error(`exception ${answer[1]}`);
  return (await readInput(exchange, 40, 1))[0] ?? -1;
}

/** Offers a file through file records; gives registers 50 and 51 once it is judged. */
export async function offerFileRecords(exchange: Exchange, file: Buffer): Promise<number[]> {
  await exchange(writeRegisters(120, [file.length >>> 16, file.length & 0xffff, 1]));
  const padded = file.length % 2 === 0 ? file : Buffer.concat([file, Buffer.of(0)]);
  const perRequest = 240;
  for (let offset = 0; offset < padded.length; offset += perRequest) {
    // A request may not cross the end of a file of 10000 records.
    const room = 20_000 - (offset % 20_000);
    for (const part of splitAt(padded.subarray(offset, offset + perRequest), room)) {
      const position = (offset + part.at) / 2;
      const head = request(
        0,
        1 + Math.floor(position / 10_000),
        position % 10_000,
        part.bytes.length / 2,
      ).subarray(1);
      const answer = await exchange(
        Buffer.concat([Buffer.of(21, 7 + part.bytes.length, 6), head, part.bytes]),
      );
      if (answer[0] !== 21) return readInput(exchange, 50, 2);
    }
  }
  await exchange(request(6, 122, 2));
  for (;;) {
    const state = await readInput(exchange, 50, 2);
    if (state[0] !== 4) return state;
  }
}

function splitAt(bytes: Buffer, room: number): { at: number; bytes: Buffer }[] {
  if (bytes.length <= room) return [{ at: 0, bytes }];
  return [
    { at: 0, bytes: bytes.subarray(0, room) },
    { at: room, bytes: bytes.subarray(room) },
  ];
}
