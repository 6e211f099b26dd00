/** The console's round trip beside bare serialport, on one pseudo terminal in one run: `npm run bench console`. */

import { SerialPort } from 'serialport';
import { performance } from 'node:perf_hooks';
import { FakeDevice } from './test/fake-device.ts';
import { makeBench } from './test/bench.ts';

const rounds = 300;
const line = 'ping123'; // with its line ending, 8 bytes

/**
 * Medians over alternating rounds, in milliseconds: send a line, wait for its echo. Ours includes the always-on log,
 * the wire log, the line splitter and `expect`; the bare one only waits for as many bytes.
 */
export async function benchConsole(): Promise<{ oursMs: number; bareMs: number }> {
  const ours: number[] = [];
  const bare: number[] = [];
  const echo = (text: string): string => `${text}\n`;
  const bench = makeBench(echo);
  const device = new FakeDevice(echo);
  const port = await openBare(device.path);
  try {
    await bench.driver.open();
    const { console } = bench.driver;
    for (let round = 0; round < rounds; round += 1) {
      ours.push(
        await timed(async () => {
          await console.send(line);
          await console.expect(`${line}\n`, { withinMs: 1000 });
        }),
      );
      bare.push(await timed(() => echoed(port)));
    }
  } finally {
    await new Promise((done) => port.close(done));
    device.dispose();
    await bench.dispose();
  }
  return { oursMs: median(ours), bareMs: median(bare) };
}

function openBare(path: string): Promise<SerialPort> {
  return new Promise((done, fail) => {
    const port: SerialPort = new SerialPort({ path, baudRate: 115_200 }, (error) => {
      if (error === null) done(port);
      else fail(error);
    });
  });
}

function echoed(port: SerialPort): Promise<void> {
  return new Promise((done) => {
    let missing = line.length + 1;
    const take = (bytes: Buffer): void => {
      missing -= bytes.length;
      if (missing > 0) return;
      port.off('data', take);
      done();
    };
    port.on('data', take);
    port.write(`${line}\n`);
  });
}

async function timed(work: () => Promise<void>): Promise<number> {
  const from = performance.now();
  await work();
  return performance.now() - from;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
