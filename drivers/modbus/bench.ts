/**
 * How fast the driver is beside bare modbus-serial and bare sockets, on one server in one run.
 *
 * The server is a thread of its own that answers function 3 and nothing else, so that it costs the client's thread
 * nothing. Rounds of the three alternate, and the median of each is reported: the machine may be busy with others.
 */

import { once } from 'node:events';
import net from 'node:net';
import { Worker } from 'node:worker_threads';
import modbusSerial from 'modbus-serial';
import { type DriverContext, type WireLog } from '../../harness/driver.ts';
import { module } from './index.ts';

const UNIT = 17;
const REPLY_WITHIN_MS = 5000;

/** Answers every 12-byte request for one holding register with its address. Plain JavaScript: a thread has no loader. */
const serverSource = `
  const net = require('node:net');
  const { parentPort } = require('node:worker_threads');
  const server = net.createServer((socket) => {
    let pending = Buffer.alloc(0);
    socket.setNoDelay(true);
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
      const count = Math.floor(pending.length / 12);
      const out = Buffer.allocUnsafe(count * 11);
      for (let at = 0; at < count; at += 1) {
        pending.copy(out, at * 11, at * 12, at * 12 + 4);
        out.writeUInt16BE(5, at * 11 + 4);
        out[at * 11 + 6] = pending[at * 12 + 6];
        out[at * 11 + 7] = 3;
        out[at * 11 + 8] = 2;
        pending.copy(out, at * 11 + 9, at * 12 + 8, at * 12 + 10);
      }
      pending = pending.subarray(count * 12);
      if (count > 0) socket.write(out);
    });
  });
  server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port));
`;

export interface BenchResult {
  name: string;
  /** Requests per second through the driver, every byte recorded. */
  ours: number;
  bareModbusSerial: number;
  rawSockets: number;
  unit: string;
}

/** One way of asking for holding register `address`. */
interface Contestant {
  ask(address: number): Promise<number>;
  close(): Promise<void> | void;
}

/** Copies every byte with direction and time into segments, as a recorder does. */
function recorder(): WireLog {
  const segmentBytes = 64 * 1024;
  const header = 13;
  let segment = Buffer.allocUnsafe(segmentBytes);
  let used = 0;
  const keep = (direction: number, bytes: Uint8Array): void => {
    if (used + header + bytes.length > segmentBytes) {
      segment = Buffer.allocUnsafe(segmentBytes);
      used = 0;
    }
    segment[used] = direction;
    segment.writeDoubleBE(performance.now(), used + 1);
    segment.writeUInt32BE(bytes.length, used + 9);
    segment.set(bytes, used + header);
    used += header + bytes.length;
  };
  return { sent: (bytes) => keep(0, bytes), received: (bytes) => keep(1, bytes), event: () => undefined };
}

async function ours(port: number, inFlight: number): Promise<Contestant> {
  const context: DriverContext = {
    ...{ name: 'bench', wire: recorder(), stateDir: '', boardDir: '.', interactive: false },
    dependency: (name) => {
      throw new Error(`the bench has no wire ${name}`);
    },
    lost: () => undefined,
  };
  const driver = module.create(
    {
      ...{ mode: 'tcp', host: '127.0.0.1', port, unit: UNIT, inFlight },
      ...{ replyWithinMs: REPLY_WITHIN_MS, connectWithinMs: REPLY_WITHIN_MS },
    },
    context,
  );
  await driver.open();
  const registers = driver.registers!;
  return {
    ask: async (address) => (await registers.readHolding(address, 1))[0]!,
    close: () => driver.close(),
  };
}

async function bare(port: number): Promise<Contestant> {
  const client = new modbusSerial.default();
  await client.connectTCP('127.0.0.1', { port });
  client.setID(UNIT);
  client.setTimeout(REPLY_WITHIN_MS);
  return {
    ask: async (address) => (await client.readHoldingRegisters(address, 1)).data[0]!,
    close: () => new Promise<void>((resolve) => client.close(() => resolve())),
  };
}

async function raw(port: number): Promise<Contestant> {
  const socket = net.connect({ port, host: '127.0.0.1', noDelay: true });
  await once(socket, 'connect');
  const waiting: ((value: number) => void)[] = [];
  let pending: Buffer = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
    let at = 0;
    for (; pending.length - at >= 11; at += 11) waiting.shift()!(pending.readUInt16BE(at + 9));
    pending = pending.subarray(at);
  });
  return {
    ask: (address) =>
      new Promise((resolve) => {
        const frame = Buffer.from([0, 1, 0, 0, 0, 6, UNIT, 3, address >> 8, address & 0xff, 0, 1]);
        waiting.push(resolve);
        socket.write(frame);
      }),
    close: async () => {
      socket.destroy();
      await once(socket, 'close');
    },
  };
}

/** Requests per second with so many askers, each with one request under way. */
async function rate(contestant: Contestant, requests: number, askers: number): Promise<number> {
  const startMs = performance.now();
  const one = async (): Promise<void> => {
    for (let at = 0; at < requests / askers; at += 1) {
      if ((await contestant.ask(at & 0xff)) !== (at & 0xff)) throw new Error(`wrong answer to request ${at}`);
    }
  };
  await Promise.all(Array.from({ length: askers }, one));
  return requests / ((performance.now() - startMs) / 1000);
}

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1]!;

async function compare(
  port: number,
  name: string,
  askers: number,
  requests: number,
  rounds: number,
): Promise<BenchResult> {
  const contestants = [await ours(port, askers), await bare(port), await raw(port)];
  try {
    const rates: number[][] = contestants.map(() => []);
    for (const contestant of contestants) await rate(contestant, requests / 4, askers); // warm
    for (let round = 0; round < rounds; round += 1) {
      for (const [at, contestant] of contestants.entries()) {
        rates[at]!.push(await rate(contestant, requests, askers));
      }
    }
    const [mine, library, sockets] = rates.map((each) => Math.round(median(each)));
    return { name, ours: mine!, bareModbusSerial: library!, rawSockets: sockets!, unit: 'requests/s' };
  } finally {
    for (const contestant of contestants) await contestant.close();
  }
}

/**
 * Measures sequential requests and 16 in flight, over TCP on the loopback interface.
 *
 * @param options.requests requests per round with 16 in flight; a quarter of that sequentially
 */
export async function benchModbus(
  options: { requests?: number; rounds?: number } = {},
): Promise<BenchResult[]> {
  const { requests = 16_000, rounds = 7 } = options;
  const server = new Worker(serverSource, { eval: true, execArgv: [] });
  try {
    const [port] = (await once(server, 'message')) as [number];
    return [
      await compare(port, 'Modbus TCP, one after the other', 1, requests / 4, rounds),
      await compare(port, 'Modbus TCP, 16 in flight', 16, requests, rounds),
    ];
  } finally {
    await server.terminate();
  }
}
