/**
 * `npm run bench [modbus|console|start|memory|image|record]`: measured claims, as ratios against a named peer in the same run.
 * Numbers from a busy machine are noise; the ratios hold better, and are what README and CHANGELOG may quote.
 */

import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';

interface Row {
  what: string;
  ours: string;
  peer: string;
  ratio: string;
  reach: string;
}

const main = 'dist/harness/cli/main.js';

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

async function modbus(): Promise<Row[]> {
  const { benchModbus } = await import('../drivers/modbus/bench.ts');
  const results = await benchModbus();
  return results.flatMap(({ name, ours, bareModbusSerial, rawSockets, unit }) => [
    row(
      `Modbus TCP ${name}, recorder on`,
      ours,
      bareModbusSerial,
      `bare modbus-serial`,
      unit,
      'at least 0.9',
    ),
    row(`Modbus TCP ${name}, recorder on`, ours, rawSockets, `raw sockets`, unit, '—'),
  ]);
}

async function console_(): Promise<Row[]> {
  const { benchConsole } = await import('../drivers/serial/bench.ts');
  const { oursMs, bareMs } = await benchConsole();
  return [row('console round trip, 8 bytes', oursMs, bareMs, 'bare serialport', 'ms', '—')];
}

function row(what: string, ours: number, peer: number, peerName: string, unit: string, reach: string): Row {
  return {
    what,
    ours: `${ours.toFixed(2)} ${unit}`,
    peer: `${peer.toFixed(2)} ${unit} (${peerName})`,
    ratio: (ours / peer).toFixed(2),
    reach,
  };
}

/** Whole processes, one after the other in turn, so that a drifting machine meets both. */
function start(): Row[] {
  const ours: number[] = [];
  const bare: number[] = [];
  for (let round = 0; round < 7; round += 1) {
    ours.push(timed([main, '--version']));
    bare.push(timed(['-e', '0']));
  }
  const first: number[] = [];
  for (let round = 0; round < 5; round += 1) first.push(firstByteMs());
  return [
    row('fieldproof --version', median(ours) / 1000, median(bare) / 1000, 'node -e 0', 's', 'under 0.4 s'),
    row(
      'serial-only board: first byte',
      median(first) / 1000,
      median(bare) / 1000,
      'node -e 0',
      's',
      'under 0.8 s',
    ),
  ];
}

function timed(arguments_: readonly string[]): number {
  const from = performance.now();
  const { status } = spawnSync(process.execPath, arguments_, { stdio: 'ignore' });
  if (status !== 0) throw new Error(`${arguments_.join(' ')} ended with ${status ?? 'a signal'}`);
  return performance.now() - from;
}

/** From the start of the process to the first byte that the record has on the wire of a serial-only board. */
function firstByteMs(): number {
  const out = mkdtempSync(join(tmpdir(), 'fieldproof-bench-'));
  try {
    const from = Date.now();
    spawnSync(
      process.execPath,
      [
        main,
        'run',
        'boards/simulated-console.yaml',
        '--case',
        'RB-01',
        '--no-report',
        '--json',
        '--out',
        out,
      ],
      { stdio: 'ignore' },
    );
    const [run = ''] = readdirSync(out).filter((name) => name !== 'state');
    const wire = join(out, run, 'wire');
    const [index = ''] = readdirSync(wire).filter(
      (name) => name.startsWith('console') && name.endsWith('.jsonl'),
    );
    const [line = '{}'] = readFileSync(join(wire, index), 'utf8')
      .split('\n')
      .filter((text) => text.includes('"sent"'));
    return (
      Date.parse((JSON.parse(line) as { tUtc: string }).tUtc) -
      from -
      deviceStartMs(join(out, run, 'record.jsonl'))
    );
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}

/** The simulated device's own start, which is no part of ours: how long opening its supply took. */
function deviceStartMs(record: string): number {
  for (const line of readFileSync(record, 'utf8').split('\n')) {
    if (!line.includes('"open"') || !line.includes('"power"')) continue;
    return (JSON.parse(line) as { payload: { tookMs: number } }).payload.tookMs;
  }
  return 0;
}

/** Peak of the resident set of the harness's own process over a full run; the simulated device is not counted. */
async function memory(): Promise<Row[]> {
  const out = mkdtempSync(join(tmpdir(), 'fieldproof-bench-'));
  const child = spawn(process.execPath, [main, 'run', '--json', '--out', out], { stdio: 'ignore' });
  let peakKiB = 0;
  const timer = setInterval(() => {
    const tree = harnessTree(child.pid ?? 0);
    peakKiB = Math.max(
      peakKiB,
      tree.reduce((sum, pid) => sum + residentKiB(pid), 0),
    );
  }, 100);
  await new Promise((done) => child.once('close', done));
  clearInterval(timer);
  rmSync(out, { recursive: true, force: true });
  const idle = residentKiBOfIdleNode();
  return [row('peak memory of a full run', peakKiB / 1024, idle / 1024, 'idle node', 'MiB', 'under 250 MB')];
}

/** All attack images of a 512 MiB golden image, in a process of its own; and small files of each format, inspected. */
async function image(): Promise<Row[]> {
  const { benchAttacks, benchInspection } = await import('../harness/image/bench.ts');
  const { slowest, all, openssl, extraMiB } = benchAttacks();
  const inspections = await benchInspection();
  return [
    row(
      `attack images, slowest digest-bound (${slowest.id})`,
      slowest.rate,
      openssl,
      'openssl dgst -sha256',
      'MB/s of CPU',
      'at least 0.8',
    ),
    row('attack images, all', all, openssl, 'openssl dgst -sha256', 'MB/s of CPU', '—'),
    row('attack images: extra memory', extraMiB, 64, 'the limit', 'MiB', 'under 1'),
    ...inspections.map(({ format, bytes, perSecond, digestsPerSecond }) =>
      row(
        `inspections of a ${format} image of ${bytes} bytes`,
        perSecond,
        digestsPerSecond,
        'SHA-256 of the same bytes by node:crypto',
        '/s',
        '—',
      ),
    ),
  ];
}

/** A record of a million entries, its package, and the verifier in a process of its own. */
async function record(): Promise<Row[]> {
  const { benchRecord } = await import('../reports/evidence/bench.ts');
  const measured = benchRecord();
  const { entries, packageMiB, verifySeconds, hashingSeconds, oneStreamSeconds } = measured;
  const what = `verification of ${entries} entries, ${packageMiB.toFixed(0)} MiB (CPU)`;
  return [
    row(
      'entries per second, synced at verdicts',
      measured.perSecond,
      measured.bareAppends,
      'bare appends',
      '/s',
      '—',
    ),
    row(
      'entries per second, synced at each',
      measured.syncedPerSecond,
      measured.bareSyncs,
      'bare append + fsync',
      '/s',
      '—',
    ),
    row(what, verifySeconds, hashingSeconds, 'SHA-256 of entries, tree and file', 's', 'at most 3'),
    row(what, verifySeconds, oneStreamSeconds, 'SHA-256 of the file only', 's', '—'),
    row(
      'peak memory of that verification',
      measured.peakMiB,
      measured.smallPeakMiB,
      `the same of ${measured.smallEntries} entries`,
      'MiB',
      'constant',
    ),
  ];
}

function residentKiB(pid: number): number {
  try {
    return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);
  } catch {
    return 0; // it ended between two looks
  }
}

/** The process and its children, without those of the simulated device. */
function harnessTree(root: number): number[] {
  const parents = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
        const command = readFileSync(`/proc/${name}/cmdline`, 'utf8');
        const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
        return command.includes('boards/simulated') ? [] : [{ pid: Number(name), parent }];
      } catch {
        return [];
      }
    });
  const tree = [root];
  for (const pid of tree)
    tree.push(...parents.filter(({ parent }) => parent === pid).map((entry) => entry.pid));
  return tree;
}

function residentKiBOfIdleNode(): number {
  const { stdout } = spawnSync(process.execPath, ['-e', 'console.log(process.memoryUsage.rss())'], {
    encoding: 'utf8',
  });
  return Number(stdout) / 1024;
}

const parts: Readonly<Record<string, () => Promise<Row[]> | Row[]>> = {
  modbus,
  console: console_,
  start,
  memory,
  image,
  record,
};
const asked = process.argv.slice(2);
const unknown = asked.filter((name) => parts[name] === undefined);
if (unknown.length > 0 || !existsSync(main)) {
  process.stderr.write(`usage: npm run bench [${Object.keys(parts).join('|')}]\n`);
  process.exit(64);
}
const rows: Row[] = [];
for (const [name, measure] of Object.entries(parts)) {
  if (asked.length === 0 || asked.includes(name)) rows.push(...(await measure()));
}
for (const { what, ours, peer, ratio, reach } of rows) {
  process.stdout.write(`${what}\n    ${ours} against ${peer}: ratio ${ratio}; to reach: ${reach}\n`);
}
process.exit(0);
