/** A device that misbehaves on request, over real sockets or a real tty. */

import { once } from 'node:events';
import net from 'node:net';
import { FakeDevice } from './fake-device.ts';
import { Pty } from './pty.ts';

/** What happens to one answer. */
export type Trick =
  | 'silent'
  /** Kept until `release` is called. */
  | 'hold'
  | 'duplicate'
  | 'foreign-unit'
  | 'foreign-transaction'
  | 'wrong-function'
  /** The declared length is right, the last bytes never come. */
  | 'truncated'
  /** The frame is whole, its content is shorter than it says. */
  | 'short-content'
  | 'wrong-crc'
  | 'oversized-length'
  | 'byte-by-byte'
  | 'half-then-reset'
  | 'reset'
  | 'close'
  /** Another unit's whole frame before the right one. */
  | 'foreign-before'
  /** Noise before the right frame. */
  | 'noise-before'
  | { exception: number }
  | { pdu: Buffer };

export type Mode = 'tcp' | 'rtu' | 'rtu-over-tcp';

/** Bytes of a request behind its unit address, as far as they tell; independent of the driver's tables. */
function requestPduBytes(bytes: Buffer, at: number): number | undefined {
  const code = bytes[at];
  if (code === undefined) return undefined;
  const counted = (countAt: number): number | undefined => {
    const count = bytes[at + countAt];
    return count === undefined ? undefined : countAt + 1 + count;
  };
  if (code <= 6) return 5;
  if (code === 15 || code === 16) return counted(5);
  if (code === 20 || code === 21) return counted(1);
  if (code === 22) return 7;
  if (code === 23) return counted(9);
  if (code === 24) return 3;
  if (code === 43) return 4;
  if (code === 17) return 1;
  return bytes.length - at - 2; // others come whole in tests
}

function crc(bytes: Buffer): number {
  let value = 0xffff;
  for (const byte of bytes) {
    value ^= byte;
    for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >> 1) ^ 0xa001 : value >> 1;
  }
  return value;
}

/** The way back to one client. */
interface Client {
  write(bytes: Buffer): void;
  reset(): void;
  end(): void;
}

export class FakeServer {
  readonly device = new FakeDevice();
  readonly mode: Mode;
  readonly unit: number;
  /** Every request seen: unit and PDU. */
  readonly requests: Buffer[] = [];
  /** Every byte received. */
  received = Buffer.alloc(0);
  /** Every byte sent. */
  sent = Buffer.alloc(0);
  connections = 0;
  /** What to do to every answer while `tricks` is empty. */
  always: Trick | undefined;
  readonly tricks: Trick[] = [];
  readonly pty: Pty | undefined;
  #server: net.Server | undefined;
  readonly #sockets = new Set<net.Socket>();
  readonly #held: (() => void)[] = [];
  #port = 0;

  private constructor(mode: Mode, unit: number) {
    this.mode = mode;
    this.unit = unit;
    if (mode === 'rtu') this.pty = new Pty();
  }

  static async start(mode: Mode, unit = 17): Promise<FakeServer> {
    const server = new FakeServer(mode, unit);
    if (server.pty === undefined) await server.listen();
    else server.#attachPty(server.pty);
    return server;
  }

  /** Settings of a driver that reaches this device. */
  settings(more: Record<string, unknown> = {}): Record<string, unknown> {
    const where =
      this.pty === undefined
        ? { host: '127.0.0.1', port: this.#port }
        : { path: this.pty.path, baudRate: 115200 };
    return { mode: this.mode, unit: this.unit, replyWithinMs: 300, ...where, ...more };
  }

  /** Sends the answers that were held, the first so many. */
  release(count = this.#held.length): void {
    for (const send of this.#held.splice(0, count)) send();
  }

  /** Bytes that nobody asked for. */
  babble(bytes: Buffer): void {
    this.pty?.write(bytes);
    for (const socket of this.#sockets) socket.write(bytes);
  }

  resetAll(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  /** Ends every connection in good order, as a device does with idle ones. */
  async endAll(): Promise<void> {
    const closing = [...this.#sockets].map((socket) => {
      socket.end();
      return once(socket, 'close');
    });
    await Promise.all(closing);
  }

  async listen(): Promise<void> {
    this.#server = net.createServer((socket) => this.#attachSocket(socket));
    this.#server.listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as net.AddressInfo).port;
  }

  /** The device vanishes: connections are reset and new ones refused, or the tty is pulled. */
  async vanish(): Promise<void> {
    await this.pty?.unplug();
    this.resetAll();
    if (this.#server?.listening !== true) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    await closed;
  }

  async comeBack(): Promise<void> {
    if (this.pty === undefined) await this.listen();
    else this.pty.plug();
  }

  async dispose(): Promise<void> {
    await this.vanish();
    await this.pty?.dispose();
  }

  #attachPty(pty: Pty): void {
    const feed = this.#reader({
      write: (bytes) => pty.write(bytes),
      reset: () => void pty.unplug(),
      end: () => void pty.unplug(),
    });
    pty.onData(feed);
  }

  #attachSocket(socket: net.Socket): void {
    this.connections += 1;
    socket.setNoDelay(true);
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => undefined);
    socket.on(
      'data',
      this.#reader({
        write: (bytes) => {
          if (!socket.destroyed) socket.write(bytes);
        },
        reset: () => void socket.resetAndDestroy(),
        end: () => void socket.end(),
      }),
    );
  }

  #reader(client: Client): (chunk: Buffer) => void {
    let pending = Buffer.alloc(0);
    return (chunk) => {
      this.received = Buffer.concat([this.received, chunk]);
      pending = Buffer.concat([pending, chunk]);
      for (let frame = this.#take(pending); frame !== undefined; frame = this.#take(pending)) {
        pending = pending.subarray(frame.bytes);
        this.#serve(frame.transaction, frame.unitAndPdu, client);
      }
    };
  }

  #take(pending: Buffer): { bytes: number; transaction: number; unitAndPdu: Buffer } | undefined {
    if (this.mode === 'tcp') {
      if (pending.length < 6) return undefined;
      const bytes = 6 + pending.readUInt16BE(4);
      if (pending.length < bytes) return undefined;
      return {
        bytes,
        transaction: pending.readUInt16BE(0),
        unitAndPdu: Buffer.from(pending.subarray(6, bytes)),
      };
    }
    const pduBytes = requestPduBytes(pending, 1);
    if (pduBytes === undefined || pending.length < 1 + pduBytes + 2) return undefined;
    const unitAndPdu = Buffer.from(pending.subarray(0, 1 + pduBytes));
    if (crc(unitAndPdu) !== pending.readUInt16LE(1 + pduBytes))
      throw new Error('the request has a wrong CRC');
    return { bytes: 1 + pduBytes + 2, transaction: 0, unitAndPdu };
  }

  #serve(transaction: number, unitAndPdu: Buffer, client: Client): void {
    this.requests.push(unitAndPdu);
    const trick = this.tricks.shift() ?? this.always;
    const answer = (): Buffer => this.device.answer(unitAndPdu.subarray(1));
    const frame = (pdu: Buffer, unit = this.unit, id = transaction): Buffer => this.#frame(id, unit, pdu);
    const send = (...frames: Buffer[]): void => {
      const bytes = Buffer.concat(frames);
      this.sent = Buffer.concat([this.sent, bytes]);
      client.write(bytes);
    };
    if (typeof trick === 'object') {
      send(frame('exception' in trick ? Buffer.from([unitAndPdu[1]! | 0x80, trick.exception]) : trick.pdu));
      return;
    }
    const right = frame(answer());
    switch (trick) {
      case undefined:
        return send(right);
      case 'silent':
        return;
      case 'hold':
        this.#held.push(() => send(right));
        return;
      case 'duplicate':
        return send(right, right);
      case 'foreign-unit':
        return send(frame(answer(), this.unit + 1));
      case 'foreign-transaction':
        return send(frame(answer(), this.unit, (transaction + 0x100) & 0xffff));
      case 'foreign-before':
        return send(frame(answer(), this.unit + 1, (transaction + 0x100) & 0xffff), right);
      case 'noise-before':
        return send(Buffer.from([0x00]), right);
      case 'wrong-function':
        return send(frame(Buffer.from([7, 0])));
      case 'truncated':
        return send(right.subarray(0, right.length - 1));
      case 'short-content':
        return send(frame(answer().subarray(0, -2)));
      case 'wrong-crc': {
        const wrong = Buffer.from(right);
        wrong[wrong.length - 1]! ^= 0xff;
        return send(wrong);
      }
      case 'oversized-length': {
        const wrong = Buffer.from(right);
        wrong.writeUInt16BE(0x2000, 4);
        return send(wrong);
      }
      case 'byte-by-byte':
        return sendSlowly(right, send);
      case 'half-then-reset':
        send(right.subarray(0, right.length >> 1));
        setImmediate(() => client.reset());
        return;
      case 'reset':
        return client.reset();
      case 'close':
        return client.end();
    }
  }

  #frame(transaction: number, unit: number, pdu: Buffer): Buffer {
    const body = Buffer.concat([Buffer.from([unit]), pdu]);
    const extra = Buffer.alloc(this.mode === 'tcp' ? 6 : 2);
    if (this.mode === 'tcp') {
      extra.writeUInt16BE(transaction, 0);
      extra.writeUInt16BE(body.length, 4);
      return Buffer.concat([extra, body]);
    }
    extra.writeUInt16LE(crc(body), 0);
    return Buffer.concat([body, extra]);
  }
}

/** One byte per millisecond or so: each arrives in a read of its own. */
function sendSlowly(bytes: Buffer, send: (bytes: Buffer) => void): void {
  let at = 0;
  const step = (): void => {
    send(bytes.subarray(at, at + 1));
    at += 1;
    if (at < bytes.length) setTimeout(step, 1);
  };
  step();
}
